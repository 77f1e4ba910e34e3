-- Rollups: a block summed, written by the same hand as the block (never by a view), summed again by merges.
-- Every dimension is in the order key, so a merge only ever adds sums up; time comes last, so that the dimensions form long
-- runs (a fifth smaller, and a month is read whole in milliseconds).

-- By quarter hour (UTC): what any time zone and any budget can be answered from.
CREATE TABLE IF NOT EXISTS cells
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
ENGINE = SummingMergeTree((amount, entries, calls, input_tokens, cached_input_tokens, cache_write_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens))
PARTITION BY toYYYYMM(quarter)
PRIMARY KEY (org, team, project, app)
ORDER BY (org, team, project, app, model, provider, service_tier, region, env, business_unit, department, kind, category, status, quarter)
SETTINGS non_replicated_deduplication_window = 10000;

-- By local day of the organisation's reporting zone: what dashboards are answered from.
CREATE TABLE IF NOT EXISTS days
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
ENGINE = SummingMergeTree((amount, entries, calls, input_tokens, cached_input_tokens, cache_write_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens))
PARTITION BY toYYYYMM(day)
PRIMARY KEY (org, team, project, app)
ORDER BY (org, team, project, app, model, provider, service_tier, region, env, business_unit, department, kind, category, status, day)
SETTINGS non_replicated_deduplication_window = 10000;

-- By local day, tag, value and team. An entry with three tags is in three rows: never sum across tags.
CREATE TABLE IF NOT EXISTS tag_days
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
ENGINE = SummingMergeTree((amount, entries, calls, input_tokens, cached_input_tokens, cache_write_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens))
PARTITION BY toYYYYMM(day)
PRIMARY KEY (org, tag, value, team)
ORDER BY (org, tag, value, team, status, day)
SETTINGS non_replicated_deduplication_window = 10000;
