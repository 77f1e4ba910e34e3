SELECT t.team AS team, uniqExactArray(t.users) AS users
FROM day_users AS t
WHERE t.org = {org:String} AND t.day >= {start:Date32} AND t.day < {end:Date32}
GROUP BY team
ORDER BY users DESC, team
-- org = "acme"
-- start = "2026-11-01"
-- end = "2026-11-25"
