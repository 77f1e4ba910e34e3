-- The catalog: versioned documents, appended; the newest version of a (kind, id) wins, the rows are the audit log.
CREATE TABLE IF NOT EXISTS catalog
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
ENGINE = MergeTree
ORDER BY (org, version, kind, id)
SETTINGS non_replicated_deduplication_window = 1000;

-- Every price ever used, by the digest of its terms; rows of one id are equal, so any of them answers.
CREATE TABLE IF NOT EXISTS prices
(
    price_id String,
    body String CODEC(ZSTD(3)),
    at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY price_id;
