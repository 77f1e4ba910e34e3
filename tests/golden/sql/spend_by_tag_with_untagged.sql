SELECT r.other AS other, if(r.other, '', r.tag_0) AS tag_0, sum(r.amount) AS amount, sum(r.calls) AS calls, sum(r.unpriced) AS unpriced, sum(r.entries) AS entries
FROM (
SELECT w.*, dense_rank() OVER (ORDER BY weight DESC, tag_0) > {top:UInt32} AS other
FROM (
SELECT s.*, sum(s.amount) OVER (PARTITION BY tag_0) AS weight
FROM (
SELECT t.value AS tag_0, sum(t.amount) AS amount, sum(t.calls) AS calls, sumIf(t.entries, t.status = 'unpriced') AS unpriced, sum(t.entries) AS entries
FROM (
SELECT t.day AS day, t.team AS team, t.status AS status, t.value AS value, t.amount AS amount, t.calls AS calls, t.entries AS entries
FROM tag_days AS t
WHERE t.org = {org:String} AND t.tag = {tag:String} AND t.day >= {start:Date32} AND t.day < {end:Date32}
UNION ALL
SELECT t.day AS day, t.team AS team, t.status AS status, 'unallocated' AS value, t.amount AS amount, t.calls AS calls, t.entries AS entries
FROM days AS t
WHERE t.org = {org:String} AND t.day >= {start:Date32} AND t.day < {end:Date32}
UNION ALL
SELECT t.day AS day, t.team AS team, t.status AS status, 'unallocated' AS value, -t.amount AS amount, -t.calls AS calls, -t.entries AS entries
FROM tag_days AS t
WHERE t.org = {org:String} AND t.tag = {tag:String} AND t.day >= {start:Date32} AND t.day < {end:Date32}
) AS t
GROUP BY tag_0
HAVING sum(t.entries) != 0
) AS s
) AS w
) AS r
GROUP BY other, tag_0
ORDER BY other, amount DESC, tag_0
LIMIT 100
-- org = "acme"
-- start = "2026-11-01"
-- end = "2026-11-25"
-- tag = "feature"
-- top = 20
