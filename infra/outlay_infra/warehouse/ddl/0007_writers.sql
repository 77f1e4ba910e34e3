-- Who writes, or wrote, blocks of the embedded runtime: the newest row of a generation is its holder's last sign of life.
-- `withdrawn` says that its holder found another beside it and never wrote.
CREATE TABLE IF NOT EXISTS writers
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
ENGINE = ReplacingMergeTree(at)
ORDER BY (generation, owner)
SETTINGS non_replicated_deduplication_window = 1000;
