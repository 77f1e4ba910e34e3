-- Up to which block of which source partition a row of `expired` counted its month: what was counted, and not dropped yet when
-- a run of retention was cut short, is not counted again.
ALTER TABLE expired ADD COLUMN IF NOT EXISTS `partition` LowCardinality(String);
ALTER TABLE expired ADD COLUMN IF NOT EXISTS upto UInt64;
