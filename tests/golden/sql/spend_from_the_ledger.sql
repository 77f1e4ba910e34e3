SELECT t.user AS user, if(mapContains(t.tags, {group_tag_1:String}), t.tags[{group_tag_1:String}], 'unallocated') AS tag_1, toString(t.estimated) AS estimated, sum(ifNull(t.amount, 0)) AS amount, sum(t.quantities[{unit_1:String}]) AS unit_images, uniqExactIf(toUInt32(xxh3(t.user)), t.user != 'unallocated') AS users, quantileExactWeightedIf(0.95)(toUInt32(ifNull(t.latency_ms, 0)) + 1, 1, t.latency_ms IS NOT NULL) AS latency_p95, toInt64(countIf(t.status = 'unpriced')) AS unpriced, toInt64(count()) AS entries
FROM ledger AS t
WHERE t.org = {org:String} AND t.time >= fromUnixTimestamp64Milli({start:Int64}, 'UTC') AND t.time < fromUnixTimestamp64Milli({end:Int64}, 'UTC') AND t.env NOT IN {f0:Array(String)} AND if(mapContains(t.tags, {filter_tag_1:String}), t.tags[{filter_tag_1:String}], 'unallocated') = {f1:String}
GROUP BY user, tag_1, estimated
ORDER BY user ASC, tag_1, estimated
-- org = "acme"
-- start = 1795168800250
-- end = 1795172400000
-- f0 = ["dev", "test"]
-- filter_tag_1 = "feature"
-- f1 = "unallocated"
-- group_tag_1 = "tier"
-- unit_1 = "images"
