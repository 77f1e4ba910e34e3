SELECT intDiv(toUnixTimestamp64Second(t.quarter) - {origin:Int64}, {step:Int64}) * {step:Int64} + {origin:Int64} AS bucket, t.team AS team, sum(t.amount) AS amount, sum(t.calls) AS calls, sumIf(t.entries, t.status = 'unpriced') AS unpriced, sum(t.entries) AS entries
FROM cells AS t
WHERE t.org = {org:String} AND t.quarter >= fromUnixTimestamp64Second({start:Int64}, 'UTC') AND t.quarter < fromUnixTimestamp64Second({end:Int64}, 'UTC')
GROUP BY bucket, team
ORDER BY bucket, amount DESC, team
-- org = "acme"
-- start = 1794767400
-- end = 1795372200
-- origin = 1794767400
-- step = 3600
