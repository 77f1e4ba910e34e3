SELECT r.other AS other, if(r.other, '', r.project) AS project, sumIf(r.amount, r.bucket >= {current:Int64}) AS amount, sumIf(r.amount, NOT (r.bucket >= {current:Int64})) AS amount_previous, sumIf(r.calls, r.bucket >= {current:Int64}) AS calls, sumIf(r.calls, NOT (r.bucket >= {current:Int64})) AS calls_previous, sumIf(r.unpriced, r.bucket >= {current:Int64}) AS unpriced, sumIf(r.unpriced, NOT (r.bucket >= {current:Int64})) AS unpriced_previous, sumIf(r.entries, r.bucket >= {current:Int64}) AS entries, sumIf(r.entries, NOT (r.bucket >= {current:Int64})) AS entries_previous
FROM (
SELECT w.*, dense_rank() OVER (ORDER BY weight DESC, project) > {top:UInt32} AS other
FROM (
SELECT s.*, sumIf(s.amount, s.bucket >= {current:Int64}) OVER (PARTITION BY project) AS weight
FROM (
SELECT roundDown(toInt64(toInt32(t.day)), {bounds:Array(Int64)}) AS bucket, t.project AS project, sum(t.amount) AS amount, sum(t.calls) AS calls, sumIf(t.entries, t.status = 'unpriced') AS unpriced, sum(t.entries) AS entries
FROM days AS t
WHERE t.org = {org:String} AND (t.day >= {start:Date32} AND t.day < {end:Date32} OR t.day >= {previous_start:Date32} AND t.day < {previous_end:Date32}) AND t.team = {f0:String}
GROUP BY bucket, project
) AS s
) AS w
) AS r
GROUP BY other, project
ORDER BY other, amount DESC, project
-- org = "acme"
-- start = "2026-11-01"
-- end = "2026-11-25"
-- previous_start = "2026-10-01"
-- previous_end = "2026-10-25"
-- f0 = "search"
-- bounds = [20727, 20758]
-- current = 20758
-- top = 10
