SELECT toInt64(toInt32(t.day)) AS bucket, t.provider AS provider, t.model AS model, sum(t.amount) AS amount, sum(t.calls) AS calls, sum(t.output_tokens) AS output_tokens, sumIf(t.entries, t.status = 'unpriced') AS unpriced, sum(t.entries) AS entries
FROM days AS t
WHERE t.org = {org:String} AND t.day >= {start:Date32} AND t.day < {end:Date32}
GROUP BY bucket, provider, model
ORDER BY bucket, amount DESC, provider, model
-- org = "acme"
-- start = "2026-10-26"
-- end = "2026-11-25"
