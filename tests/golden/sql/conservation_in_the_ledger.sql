SELECT day, source, sum(counted) AS entries
FROM (
SELECT toDate32(t.received) AS day, t.source AS source, toInt64(count()) AS counted
FROM ledger AS t
WHERE t.org = {org:String} AND t.source IN {f0:Array(String)} AND toDate32(t.received) >= {first:Date32} AND toDate32(t.received) < {last:Date32}
GROUP BY day, source
UNION ALL
SELECT t.day AS day, t.source AS source, t.entries AS counted
FROM expired AS t
WHERE t.org = {org:String} AND t.source IN {f0:Array(String)} AND t.day >= {first:Date32} AND t.day < {last:Date32}
)
GROUP BY day, source
ORDER BY day DESC, source
-- org = "acme"
-- f0 = ["api", "gateway"]
-- first = "2026-11-01"
-- last = "2026-12-01"
