SELECT t.team AS team, sum(t.amount) AS amount, sum(t.calls) AS calls, sumIf(t.entries, t.status = 'unpriced') AS unpriced, sum(t.entries) AS entries
FROM days AS t
WHERE t.org = {org:String} AND t.day >= {start:Date32} AND t.day < {end:Date32}
GROUP BY team
ORDER BY amount DESC, team
-- org = "acme"
-- start = "2026-11-01"
-- end = "2026-11-25"
