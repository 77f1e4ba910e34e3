SELECT transform(r.bucket, {earlier:Array(Int64)}, {later:Array(Int64)}, r.bucket) AS bucket, sumIf(r.amount, r.bucket >= {current:Int64}) AS amount, sumIf(r.amount, NOT (r.bucket >= {current:Int64})) AS amount_previous, sumIf(r.calls, r.bucket >= {current:Int64}) AS calls, sumIf(r.calls, NOT (r.bucket >= {current:Int64})) AS calls_previous, sumIf(r.unpriced, r.bucket >= {current:Int64}) AS unpriced, sumIf(r.unpriced, NOT (r.bucket >= {current:Int64})) AS unpriced_previous, sumIf(r.entries, r.bucket >= {current:Int64}) AS entries, sumIf(r.entries, NOT (r.bucket >= {current:Int64})) AS entries_previous
FROM (
SELECT roundDown(toUnixTimestamp64Second(t.quarter), {bounds:Array(Int64)}) AS bucket, sum(t.amount) AS amount, sum(t.calls) AS calls, sumIf(t.entries, t.status = 'unpriced') AS unpriced, sum(t.entries) AS entries
FROM cells AS t
WHERE t.org = {org:String} AND (t.quarter >= fromUnixTimestamp64Second({start:Int64}, 'UTC') AND t.quarter < fromUnixTimestamp64Second({end:Int64}, 'UTC') OR t.quarter >= fromUnixTimestamp64Second({previous_start:Int64}, 'UTC') AND t.quarter < fromUnixTimestamp64Second({previous_end:Int64}, 'UTC'))
GROUP BY bucket
) AS r
GROUP BY bucket
ORDER BY bucket
-- org = "acme"
-- start = 1792468800
-- end = 1794286800
-- previous_start = 1790654400
-- previous_end = 1792468800
-- bounds = [1790654400, 1791172800, 1791777600, 1792382400, 1792468800, 1792987200, 1793595600, 1794200400]
-- current = 1792468800
-- earlier = [1790654400, 1791172800, 1791777600, 1792382400]
-- later = [1792468800, 1792987200, 1793595600, 1794200400]
