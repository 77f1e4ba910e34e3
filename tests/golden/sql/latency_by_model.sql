SELECT t.model AS model, quantileExactWeightedIf(0.50)(toUInt32(t.bucket) + 1, toUInt64(t.entries), t.measure = 'latency') AS latency_p50, quantileExactWeightedIf(0.95)(toUInt32(t.bucket) + 1, toUInt64(t.entries), t.measure = 'latency') AS latency_p95
FROM day_latency AS t
WHERE t.org = {org:String} AND t.day >= {start:Date32} AND t.day < {end:Date32} AND t.measure = 'latency'
GROUP BY model
ORDER BY model ASC
-- org = "acme"
-- start = "2026-11-01"
-- end = "2026-11-25"
