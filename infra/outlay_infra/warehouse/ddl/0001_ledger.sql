-- The raw ledger: one row a spend entry, append-only, exact by block tokens.
-- An id that is a canonical lower-case UUID takes 16 bytes (id_uuid), any other is text (id_text); arrival is kept as the lag
-- behind use. Writers send `id_sent` and `received_sent`; readers see `id` and `received`. `id_bloom` is the expression of `id`,
-- so that `id = ...` skips to the few granules that may hold it.
CREATE TABLE IF NOT EXISTS ledger
(
    org LowCardinality(String),
    source LowCardinality(String) CODEC(ZSTD(1)),
    id_sent String EPHEMERAL,
    id_uuid UUID DEFAULT if(toString(toUUIDOrZero(id_sent)) = id_sent, toUUIDOrZero(id_sent), toUUID('00000000-0000-0000-0000-000000000000')) CODEC(NONE),
    id_text String DEFAULT if(id_uuid = toUUID('00000000-0000-0000-0000-000000000000'), id_sent, '') CODEC(ZSTD(1)),
    id String ALIAS if(empty(id_text), toString(id_uuid), id_text),
    time DateTime64(3, 'UTC') CODEC(Delta, T64('bit'), ZSTD(1)),
    received_sent DateTime64(3, 'UTC') EPHEMERAL,
    lag_ms Int64 DEFAULT toUnixTimestamp64Milli(received_sent) - toUnixTimestamp64Milli(time) CODEC(T64('bit'), ZSTD(1)),
    received DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toUnixTimestamp64Milli(time) + lag_ms, 'UTC'),
    `partition` LowCardinality(String) CODEC(ZSTD(1)),
    block UInt64 CODEC(Delta, ZSTD(1)),
    content_hash UInt32 CODEC(NONE),
    kind LowCardinality(String) CODEC(ZSTD(1)),
    category LowCardinality(String) CODEC(ZSTD(1)),
    status LowCardinality(String) CODEC(ZSTD(1)),
    reason LowCardinality(String) CODEC(ZSTD(1)),
    provider LowCardinality(String) CODEC(ZSTD(1)),
    model LowCardinality(String) CODEC(ZSTD(1)),
    service_tier LowCardinality(String) CODEC(ZSTD(1)),
    region LowCardinality(String) CODEC(ZSTD(1)),
    operation LowCardinality(String) CODEC(ZSTD(1)),
    reported_provider LowCardinality(String) CODEC(ZSTD(1)),
    reported_model LowCardinality(String) CODEC(ZSTD(1)),
    business_unit LowCardinality(String) CODEC(ZSTD(1)),
    department LowCardinality(String) CODEC(ZSTD(1)),
    team LowCardinality(String) CODEC(ZSTD(1)),
    project LowCardinality(String) CODEC(ZSTD(1)),
    app LowCardinality(String) CODEC(ZSTD(1)),
    env LowCardinality(String) CODEC(ZSTD(1)),
    key LowCardinality(String) CODEC(ZSTD(1)),
    user LowCardinality(String) CODEC(ZSTD(1)),
    use_case LowCardinality(String) CODEC(ZSTD(1)),
    tags Map(LowCardinality(String), LowCardinality(String)) CODEC(ZSTD(3)),
    input_tokens Int64 CODEC(T64, ZSTD(1)),
    cached_input_tokens Int64 CODEC(T64, ZSTD(1)),
    cache_write_tokens Int64 CODEC(T64, ZSTD(1)),
    cache_write_5m_tokens Int64 CODEC(T64, ZSTD(1)),
    cache_write_1h_tokens Int64 CODEC(T64, ZSTD(1)),
    output_tokens Int64 CODEC(T64, ZSTD(1)),
    reasoning_tokens Int64 CODEC(T64, ZSTD(1)),
    calls Int64 CODEC(T64, ZSTD(1)),
    quantities Map(LowCardinality(String), Decimal(38, 9)) CODEC(ZSTD(1)),
    latency_ms Nullable(Int32) CODEC(T64, ZSTD(1)),
    ttft_ms Nullable(Int32) CODEC(T64, ZSTD(1)),
    outcome LowCardinality(String) CODEC(ZSTD(1)),
    estimated Bool CODEC(ZSTD(1)),
    request_id String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    amount Nullable(Decimal(38, 12)) CODEC(GCD, ZSTD(1)),
    provider_cost Nullable(Decimal(38, 12)) CODEC(GCD, ZSTD(1)),
    price_id LowCardinality(String) CODEC(ZSTD(1)),
    rule_id LowCardinality(String) CODEC(ZSTD(1)),
    catalog_version UInt32 CODEC(T64, ZSTD(1)),
    INDEX block_range block TYPE minmax GRANULARITY 1,
    INDEX id_bloom if(empty(id_text), toString(id_uuid), id_text) TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (org, team, time)
SETTINGS non_replicated_deduplication_window = 10000;

-- Where an entry is, by the hash of its identity. Weekly partitions by arrival keep the newest horizon together.
-- Writers send `time_sent`; readers see `time`.
CREATE TABLE IF NOT EXISTS event_ids
(
    id_hash UInt64 CODEC(Delta, T64('bit'), ZSTD(1)),
    content_hash UInt32 CODEC(NONE),
    org LowCardinality(String) CODEC(ZSTD(1)),
    team LowCardinality(String) CODEC(ZSTD(1)),
    received DateTime64(3, 'UTC') CODEC(T64('bit'), ZSTD(1)),
    time_sent DateTime64(3, 'UTC') EPHEMERAL,
    lag_ms Int64 DEFAULT toUnixTimestamp64Milli(received) - toUnixTimestamp64Milli(time_sent) CODEC(T64('bit'), ZSTD(1)),
    time DateTime64(3, 'UTC') ALIAS fromUnixTimestamp64Milli(toUnixTimestamp64Milli(received) - lag_ms, 'UTC')
)
ENGINE = MergeTree
PARTITION BY toYearWeek(received, 3)
ORDER BY id_hash
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 10000;
