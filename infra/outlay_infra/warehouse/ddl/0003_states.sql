-- Users and latencies are no money: they are summed from the ledger some blocks at a time (`outlay_infra.warehouse.states`).

-- Distinct users: the set of 32-bit XXH3 hashes of users by local day, team and project. Sets unite, so a repeat changes nothing.
CREATE TABLE IF NOT EXISTS day_users
(
    org LowCardinality(String) CODEC(ZSTD(1)),
    day Date32 CODEC(Delta, ZSTD(1)),
    team LowCardinality(String) CODEC(ZSTD(1)),
    project LowCardinality(String) CODEC(ZSTD(1)),
    users SimpleAggregateFunction(groupUniqArrayArray, Array(UInt32)) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(day)
PRIMARY KEY (org, day, team)
ORDER BY (org, day, team, project)
SETTINGS non_replicated_deduplication_window = 10000;

-- Latency: a histogram by local day, provider and model. Bucket b holds milliseconds lower(b) <= ms < lower(b + 1), where
-- lower(b) = b below 64, else (32 + b % 32) << (b / 32 - 1): integers only, at most 3.2 % wide.
CREATE TABLE IF NOT EXISTS day_latency
(
    org LowCardinality(String) CODEC(ZSTD(1)),
    day Date32 CODEC(Delta, ZSTD(1)),
    provider LowCardinality(String) CODEC(ZSTD(1)),
    model LowCardinality(String) CODEC(ZSTD(1)),
    measure LowCardinality(String) CODEC(ZSTD(1)),
    bucket UInt16 CODEC(Delta, ZSTD(1)),
    entries Int64 CODEC(T64, ZSTD(1))
)
ENGINE = SummingMergeTree((entries))
PARTITION BY toYYYYMM(day)
ORDER BY (org, day, provider, model, measure, bucket)
SETTINGS non_replicated_deduplication_window = 10000;

-- Up to which block users and latencies were summed. A stretch is noted before it is summed, so that one cut short by a crash
-- is summed again under the same token.
CREATE TABLE IF NOT EXISTS state_marks
(
    `partition` String,
    first UInt64,
    upto UInt64,
    done Bool
)
ENGINE = ReplacingMergeTree(upto)
ORDER BY `partition`;
