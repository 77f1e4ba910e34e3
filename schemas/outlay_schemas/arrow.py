"""The columns of a batch of usage events and of a block of spend entries, as Arrow schemas.

`USAGE` is what decoding any wire yields; `ENTRIES` is what the meter yields and the raw ledger stores, column for
column. `IDS` finds entries by identity; `CELLS`, `DAYS` and `TAG_DAYS` are a block summed; `RECEIPTS` counts the
outcome of every event received.
"""

from __future__ import annotations

import pyarrow as pa

from outlay_schemas.dimensions import ATTRIBUTION, ROLLED_UP
from outlay_schemas.money import PRECISION, SCALE
from outlay_schemas.units import FREQUENT, QUANTITY_SCALE

TIME = pa.timestamp("ms", tz="UTC")
AMOUNT = pa.decimal128(PRECISION, SCALE)
QUANTITY = pa.decimal128(PRECISION, QUANTITY_SCALE)
TAGS = pa.map_(pa.string(), pa.string())
QUANTITIES = pa.map_(pa.string(), QUANTITY)


def _fields(names: tuple[str, ...], kind: pa.DataType, *, nullable: bool = False) -> list[pa.Field]:
    return [pa.field(name, kind, nullable=nullable) for name in names]


USAGE = pa.schema(
    [
        *_fields(("org", "source", "id"), pa.string()),
        pa.field("time", TIME, nullable=False),
        *_fields(("provider", "model"), pa.string()),
        *_fields(("service_tier", "region", "operation"), pa.string(), nullable=True),
        *_fields(ATTRIBUTION, pa.string(), nullable=True),
        pa.field("tags", TAGS, nullable=False),
        *_fields(FREQUENT, pa.int64()),
        pa.field("calls", pa.int64(), nullable=False),
        pa.field("quantities", QUANTITIES, nullable=False),
        *_fields(("latency_ms", "ttft_ms"), pa.int32(), nullable=True),
        pa.field("outcome", pa.string(), nullable=False),
        pa.field("estimated", pa.bool_(), nullable=False),
        *_fields(("request_id", "trace_id"), pa.string(), nullable=True),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("category", pa.string()),
        pa.field("amount", AMOUNT),
        pa.field("provider_cost", AMOUNT),
    ]
)
"""One row an event, valid by `UsageEvent`. Tags and quantities are sorted by key; `quantities` holds units that have no
column.
"""

ENTRIES = pa.schema(
    [
        *_fields(("org", "source", "id"), pa.string()),
        pa.field("time", TIME, nullable=False),
        pa.field("received", TIME, nullable=False),
        pa.field("partition", pa.string(), nullable=False),
        pa.field("block", pa.uint64(), nullable=False),
        pa.field("content_hash", pa.uint32(), nullable=False),
        *_fields(("kind", "category", "status", "reason"), pa.string()),
        *_fields(("provider", "model", "service_tier", "region", "operation"), pa.string()),
        *_fields(("reported_provider", "reported_model"), pa.string()),
        *_fields(ATTRIBUTION, pa.string()),
        pa.field("tags", TAGS, nullable=False),
        *_fields(FREQUENT, pa.int64()),
        pa.field("calls", pa.int64(), nullable=False),
        pa.field("quantities", QUANTITIES, nullable=False),
        *_fields(("latency_ms", "ttft_ms"), pa.int32(), nullable=True),
        pa.field("outcome", pa.string(), nullable=False),
        pa.field("estimated", pa.bool_(), nullable=False),
        *_fields(("request_id", "trace_id"), pa.string()),
        pa.field("amount", AMOUNT),
        pa.field("provider_cost", AMOUNT),
        *_fields(("price_id", "rule_id"), pa.string()),
        pa.field("catalog_version", pa.uint32(), nullable=False),
    ]
)
"""One row a spend entry. `provider` and `model` are canonical, `reported_*` as sent; empty text means "none".

`amount` is null exactly when `status` is `unpriced`, and then `reason` says why. `price_id` resolves to the rates used,
`rule_id` to the attribution rules that matched.
"""

IDS = pa.schema(
    [
        pa.field("id_hash", pa.uint64(), nullable=False),
        pa.field("content_hash", pa.uint32(), nullable=False),
        *_fields(("org", "team"), pa.string()),
        pa.field("time", TIME, nullable=False),
        pa.field("received", TIME, nullable=False),
    ]
)
"""Where an entry is, by identity: `id_hash` is XXH3-64 of org, source and id joined by U+001F (ClickHouse: `xxh3`)."""

SUMS = pa.schema(
    [
        pa.field("amount", AMOUNT, nullable=False),
        pa.field("entries", pa.int64(), nullable=False),
        pa.field("calls", pa.int64(), nullable=False),
        *_fields(FREQUENT, pa.int64()),
    ]
)
"""The measures of every rollup. `amount` sums the amounts that are known; a row's `status` says whether it has any."""

CELLS = pa.schema(
    [
        pa.field("org", pa.string()),
        pa.field("quarter", pa.timestamp("s", tz="UTC")),
        *_fields(ROLLED_UP, pa.string()),
        *SUMS,
    ]
)
"""A block by quarter hour (UTC, start) and rolled-up dimension."""

DAYS = pa.schema([pa.field("org", pa.string()), pa.field("day", pa.date32()), *_fields(ROLLED_UP, pa.string()), *SUMS])
"""A block by local day of the org's reporting zone and rolled-up dimension."""

TAG_DAYS = pa.schema(
    [
        pa.field("org", pa.string()),
        pa.field("day", pa.date32()),
        *_fields(("tag", "value", "team", "status"), pa.string()),
        *SUMS,
    ]
)
"""A block by local day, tag and team. An entry with three tags appears under each of them, so never sum across tags."""

RECEIPTS = pa.schema(
    [
        pa.field("org", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("day", pa.date32(), nullable=False),
        pa.field("partition", pa.string(), nullable=False),
        pa.field("block", pa.uint64(), nullable=False),
        *_fields(("received", "counted", "duplicate", "conflict", "rejected"), pa.int64()),
    ]
)
"""What became of every event of a block, by source and UTC day received: `received` is the sum of the other four."""

REJECTS = pa.schema(
    [
        *_fields(("org", "source", "id"), pa.string()),
        pa.field("received", TIME, nullable=False),
        pa.field("partition", pa.string(), nullable=False),
        pa.field("block", pa.uint64(), nullable=False),
        *_fields(("outcome", "pointer", "reason", "event"), pa.string()),
    ]
)
"""Refused events: `outcome` is `rejected` or `conflict`, `event` the JSON sent, unknown fields' values left out."""

PRICES = pa.schema([pa.field("price_id", pa.string(), nullable=False), pa.field("body", pa.string(), nullable=False)])
"""Price records: what the `price_id` of an entry resolves to, its terms as canonical JSON."""
