SELECT toDate32(t.received) AS day, t.source AS source, toInt64(count()) AS entries
FROM ledger AS t
WHERE t.org = {org:String} AND t.source IN {f0:Array(String)} AND toDate32(t.received) >= {first:Date32} AND toDate32(t.received) < {last:Date32}
GROUP BY day, source
ORDER BY day DESC, source
-- org = "acme"
-- f0 = ["api", "gateway"]
-- first = "2026-11-01"
-- last = "2026-12-01"
