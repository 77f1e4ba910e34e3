CREATE TABLE IF NOT EXISTS ledger ON CLUSTER 'main'
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
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
PARTITION BY toYYYYMM(time)
ORDER BY (org, team, time)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS event_ids ON CLUSTER 'main'
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
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
PARTITION BY toYearWeek(received, 3)
ORDER BY id_hash
SETTINGS index_granularity = 1024, replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS cells ON CLUSTER 'main'
(
    org LowCardinality(String) CODEC(ZSTD(1)),
    quarter DateTime64(0, 'UTC') CODEC(Delta, ZSTD(1)),
    business_unit LowCardinality(String) CODEC(ZSTD(1)),
    department LowCardinality(String) CODEC(ZSTD(1)),
    team LowCardinality(String) CODEC(ZSTD(1)),
    project LowCardinality(String) CODEC(ZSTD(1)),
    app LowCardinality(String) CODEC(ZSTD(1)),
    env LowCardinality(String) CODEC(ZSTD(1)),
    provider LowCardinality(String) CODEC(ZSTD(1)),
    model LowCardinality(String) CODEC(ZSTD(1)),
    service_tier LowCardinality(String) CODEC(ZSTD(1)),
    region LowCardinality(String) CODEC(ZSTD(1)),
    kind LowCardinality(String) CODEC(ZSTD(1)),
    category LowCardinality(String) CODEC(ZSTD(1)),
    status LowCardinality(String) CODEC(ZSTD(1)),
    amount Decimal(38, 12) CODEC(GCD, ZSTD(1)),
    entries Int64 CODEC(T64, ZSTD(1)),
    calls Int64 CODEC(T64, ZSTD(1)),
    input_tokens Int64 CODEC(T64, ZSTD(1)),
    cached_input_tokens Int64 CODEC(T64, ZSTD(1)),
    cache_write_tokens Int64 CODEC(T64, ZSTD(1)),
    cache_write_5m_tokens Int64 CODEC(T64, ZSTD(1)),
    cache_write_1h_tokens Int64 CODEC(T64, ZSTD(1)),
    output_tokens Int64 CODEC(T64, ZSTD(1)),
    reasoning_tokens Int64 CODEC(T64, ZSTD(1))
)
ENGINE = ReplicatedSummingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', (amount, entries, calls, input_tokens, cached_input_tokens, cache_write_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens))
PARTITION BY toYYYYMM(quarter)
PRIMARY KEY (org, team, project, app)
ORDER BY (org, team, project, app, model, provider, service_tier, region, env, business_unit, department, kind, category, status, quarter)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS days ON CLUSTER 'main'
(
    org LowCardinality(String) CODEC(ZSTD(1)),
    day Date32 CODEC(Delta, ZSTD(1)),
    business_unit LowCardinality(String) CODEC(ZSTD(1)),
    department LowCardinality(String) CODEC(ZSTD(1)),
    team LowCardinality(String) CODEC(ZSTD(1)),
    project LowCardinality(String) CODEC(ZSTD(1)),
    app LowCardinality(String) CODEC(ZSTD(1)),
    env LowCardinality(String) CODEC(ZSTD(1)),
    provider LowCardinality(String) CODEC(ZSTD(1)),
    model LowCardinality(String) CODEC(ZSTD(1)),
    service_tier LowCardinality(String) CODEC(ZSTD(1)),
    region LowCardinality(String) CODEC(ZSTD(1)),
    kind LowCardinality(String) CODEC(ZSTD(1)),
    category LowCardinality(String) CODEC(ZSTD(1)),
    status LowCardinality(String) CODEC(ZSTD(1)),
    amount Decimal(38, 12) CODEC(GCD, ZSTD(1)),
    entries Int64 CODEC(T64, ZSTD(1)),
    calls Int64 CODEC(T64, ZSTD(1)),
    input_tokens Int64 CODEC(T64, ZSTD(1)),
    cached_input_tokens Int64 CODEC(T64, ZSTD(1)),
    cache_write_tokens Int64 CODEC(T64, ZSTD(1)),
    cache_write_5m_tokens Int64 CODEC(T64, ZSTD(1)),
    cache_write_1h_tokens Int64 CODEC(T64, ZSTD(1)),
    output_tokens Int64 CODEC(T64, ZSTD(1)),
    reasoning_tokens Int64 CODEC(T64, ZSTD(1))
)
ENGINE = ReplicatedSummingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', (amount, entries, calls, input_tokens, cached_input_tokens, cache_write_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens))
PARTITION BY toYYYYMM(day)
PRIMARY KEY (org, team, project, app)
ORDER BY (org, team, project, app, model, provider, service_tier, region, env, business_unit, department, kind, category, status, day)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS tag_days ON CLUSTER 'main'
(
    org LowCardinality(String) CODEC(ZSTD(1)),
    day Date32 CODEC(Delta, ZSTD(1)),
    tag LowCardinality(String) CODEC(ZSTD(1)),
    value String CODEC(ZSTD(1)),
    team LowCardinality(String) CODEC(ZSTD(1)),
    status LowCardinality(String) CODEC(ZSTD(1)),
    amount Decimal(38, 12) CODEC(GCD, ZSTD(1)),
    entries Int64 CODEC(T64, ZSTD(1)),
    calls Int64 CODEC(T64, ZSTD(1)),
    input_tokens Int64 CODEC(T64, ZSTD(1)),
    cached_input_tokens Int64 CODEC(T64, ZSTD(1)),
    cache_write_tokens Int64 CODEC(T64, ZSTD(1)),
    cache_write_5m_tokens Int64 CODEC(T64, ZSTD(1)),
    cache_write_1h_tokens Int64 CODEC(T64, ZSTD(1)),
    output_tokens Int64 CODEC(T64, ZSTD(1)),
    reasoning_tokens Int64 CODEC(T64, ZSTD(1))
)
ENGINE = ReplicatedSummingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', (amount, entries, calls, input_tokens, cached_input_tokens, cache_write_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens))
PARTITION BY toYYYYMM(day)
PRIMARY KEY (org, tag, value, team)
ORDER BY (org, tag, value, team, status, day)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS day_users ON CLUSTER 'main'
(
    org LowCardinality(String) CODEC(ZSTD(1)),
    day Date32 CODEC(Delta, ZSTD(1)),
    team LowCardinality(String) CODEC(ZSTD(1)),
    project LowCardinality(String) CODEC(ZSTD(1)),
    users SimpleAggregateFunction(groupUniqArrayArray, Array(UInt32)) CODEC(ZSTD(1))
)
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
PARTITION BY toYYYYMM(day)
PRIMARY KEY (org, day, team)
ORDER BY (org, day, team, project)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS day_latency ON CLUSTER 'main'
(
    org LowCardinality(String) CODEC(ZSTD(1)),
    day Date32 CODEC(Delta, ZSTD(1)),
    provider LowCardinality(String) CODEC(ZSTD(1)),
    model LowCardinality(String) CODEC(ZSTD(1)),
    measure LowCardinality(String) CODEC(ZSTD(1)),
    bucket UInt16 CODEC(Delta, ZSTD(1)),
    entries Int64 CODEC(T64, ZSTD(1))
)
ENGINE = ReplicatedSummingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', (entries))
PARTITION BY toYYYYMM(day)
ORDER BY (org, day, provider, model, measure, bucket)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS state_marks ON CLUSTER 'main'
(
    `partition` String,
    first UInt64,
    upto UInt64,
    done Bool
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', upto)
ORDER BY `partition`;

CREATE TABLE IF NOT EXISTS receipts ON CLUSTER 'main'
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
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
PARTITION BY toYYYYMM(day)
ORDER BY (`partition`, block, org, source, day)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS rejects ON CLUSTER 'main'
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
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
PARTITION BY toYearWeek(received, 3)
ORDER BY (org, received)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS expired ON CLUSTER 'main'
(
    month UInt32,
    org LowCardinality(String),
    source LowCardinality(String),
    day Date32,
    entries Int64
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
ORDER BY (month, org, source, day)
SETTINGS replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS catalog ON CLUSTER 'main'
(
    org LowCardinality(String),
    version UInt32,
    kind LowCardinality(String),
    id String,
    body String CODEC(ZSTD(3)),
    deleted Bool,
    actor String,
    at DateTime64(3, 'UTC')
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
ORDER BY (org, version, kind, id)
SETTINGS replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800;

CREATE TABLE IF NOT EXISTS prices ON CLUSTER 'main'
(
    price_id String,
    body String CODEC(ZSTD(3)),
    at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
ORDER BY price_id;

CREATE TABLE IF NOT EXISTS day_zones ON CLUSTER 'main'
(
    org LowCardinality(String),
    version UInt32,
    zone LowCardinality(String),
    whole Bool,
    at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}')
ORDER BY (org, version);

CREATE TABLE IF NOT EXISTS writers ON CLUSTER 'main'
(
    generation UInt64,
    owner String,
    host String,
    pid UInt32,
    folder String,
    released Bool,
    withdrawn Bool,
    at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', at)
ORDER BY (generation, owner)
SETTINGS replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 604800;

ALTER TABLE expired ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS `partition` LowCardinality(String);

ALTER TABLE expired ON CLUSTER 'main' ADD COLUMN IF NOT EXISTS upto UInt64;

