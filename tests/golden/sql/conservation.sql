SELECT t.day AS day, t.source AS source, sum(t.received) AS received, sum(t.counted) AS counted, sum(t.duplicate) AS duplicate, sum(t.conflict) AS conflict, sum(t.rejected) AS rejected
FROM receipts AS t
WHERE t.org = {org:String} AND t.day >= {first:Date32} AND t.day < {last:Date32}
GROUP BY day, source
ORDER BY day DESC, source
-- org = "acme"
-- first = "2026-11-01"
-- last = "2026-12-01"
