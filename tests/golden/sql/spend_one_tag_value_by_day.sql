SELECT toInt64(toInt32(t.day)) AS bucket, sum(t.amount) AS amount, sumIf(t.entries, t.status = 'unpriced') AS unpriced, sum(t.entries) AS entries
FROM tag_days AS t
WHERE t.org = {org:String} AND t.tag = {tag:String} AND t.day >= {start:Date32} AND t.day < {end:Date32} AND t.value = {f0:String}
GROUP BY bucket
ORDER BY bucket
-- org = "acme"
-- start = "2026-10-26"
-- end = "2026-11-25"
-- tag = "feature"
-- f0 = "chat"
