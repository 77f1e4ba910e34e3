-- By which reporting zone the local days of an organisation were summed anew, noted at the end of a rebuild. `version` is the
-- catalog's that was in force; `whole` says that no day was left in an earlier zone because retention had removed its entries.
CREATE TABLE IF NOT EXISTS day_zones
(
    org LowCardinality(String),
    version UInt32,
    zone LowCardinality(String),
    whole Bool,
    at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY (org, version);
