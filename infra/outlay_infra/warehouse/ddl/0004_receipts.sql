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

-- Who wrote: a writer takes a generation before its first block, and never one that was taken, so no block token ever repeats.
CREATE TABLE IF NOT EXISTS writers
(
    `partition` String,
    generation UInt32,
    at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY (`partition`, generation);
