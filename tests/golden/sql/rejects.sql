SELECT t.source AS source, t.id AS id, t.received AS received, t.outcome AS outcome, t.pointer AS pointer, t.reason AS reason, t.event AS event, hex(sipHash128(t.partition, t.block, t.source, t.id, t.pointer, t.reason, t.event)) AS place
FROM rejects AS t
WHERE t.org = {org:String} AND t.received >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') AND t.received < fromUnixTimestamp64Milli({end:Int64}, 'UTC') AND t.source = {f0:String} AND t.outcome = {outcome:String}
ORDER BY t.received DESC, place DESC
LIMIT 21
-- start = 1794873600000
-- end = 1795478400000
-- org = "acme"
-- f0 = "api"
-- outcome = "conflict"
