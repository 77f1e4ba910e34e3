-- What became of every event received, by block: the last thing written of a block, so its rows mean "complete".
CREATE TABLE IF NOT EXISTS receipts
(
    org LowCardinality(String) CODEC(ZSTD(1)),
    source LowCardinality(String) CODEC(ZSTD(1)),
    day Date32 CODEC(Delta, ZSTD(1)),
    `partition` LowCardinality(String) CODEC(ZSTD(1)),
    block UInt64 CODEC(Delta, ZSTD(1)),
    received Int64 CODEC(T64, ZSTD(1)),
    counted Int64 CODEC(T64, ZSTD(1)),
    duplicate Int64 CODEC(T64, ZSTD(1)),
    conflict Int64 CODEC(T64, ZSTD(1)),
    rejected Int64 CODEC(T64, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (`partition`, block, org, source, day)
SETTINGS non_replicated_deduplication_window = 10000;

-- Events refused, kept a while so that their senders can be helped; `outlay_infra.warehouse.retention` drops old days.
CREATE TABLE IF NOT EXISTS rejects
(
    org LowCardinality(String) CODEC(ZSTD(1)),
    source LowCardinality(String) CODEC(ZSTD(1)),
    id String CODEC(ZSTD(1)),
    received DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    `partition` LowCardinality(String) CODEC(ZSTD(1)),
    block UInt64 CODEC(Delta, ZSTD(1)),
    outcome LowCardinality(String) CODEC(ZSTD(1)),
    pointer LowCardinality(String) CODEC(ZSTD(1)),
    reason String CODEC(ZSTD(1)),
    event String CODEC(ZSTD(3))
)
ENGINE = MergeTree
PARTITION BY toYearWeek(received, 3)
ORDER BY (org, received)
SETTINGS non_replicated_deduplication_window = 10000;

-- What retention removed from the ledger, so that receipts still add up: entries by org, source and UTC day received.
CREATE TABLE IF NOT EXISTS expired
(
    month UInt32,
    org LowCardinality(String),
    source LowCardinality(String),
    day Date32,
    entries Int64
)
ENGINE = MergeTree
ORDER BY (month, org, source, day)
SETTINGS non_replicated_deduplication_window = 10000;
