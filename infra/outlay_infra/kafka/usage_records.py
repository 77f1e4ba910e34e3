"""A batch of usage events as Kafka records: keys by identity, values in Avro, a batch at a time.

The values are the bytes that `outlay_schemas.codec` writes for the same events one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyruhvro

from outlay_infra.kafka.delivery import Record
from outlay_schemas import avro_schema, codec
from outlay_schemas.codec import CONFLUENT, SINGLE_OBJECT, USAGE_EVENT, schema_fingerprint
from outlay_schemas.topics import IDENTITY_KEY, KEY_SEPARATOR, ORG_HEADER
from outlay_schemas.units import CALLS, FREQUENT
from outlay_schemas.usage import UsageEvent

_SCHEMA = avro_schema.published("usage_event")
_COLUMNS: pa.Schema = pyruhvro.avro_to_arrow_schema(_SCHEMA)
"""The columns that pyruhvro reads, in the order of the Avro fields."""
_USAGE = "usage"
_FEW = 4
"""Batches up to this size are written event by event: the bulk encoder takes a while to begin."""


@dataclass(frozen=True, slots=True)
class UsageEncoder:
    """Writes events behind `framing`: the bytes that tell a reader which schema they are in."""

    framing: bytes = SINGLE_OBJECT + schema_fingerprint(USAGE_EVENT)

    @classmethod
    def registered(cls, schema_id: int) -> UsageEncoder:
        """Return an encoder in Confluent framing, under the id of the schema in a registry."""
        return cls(CONFLUENT + schema_id.to_bytes(4, "big"))

    def values(self, usage: pa.Table) -> list[bytes]:
        """Return a record value for each row of a `USAGE` table; the org is not in it."""
        if usage.num_rows <= _FEW:
            rows = usage.to_pylist(maps_as_pydicts="strict")
            return [self.framing + codec.encode(_event(row)) for row in rows]
        (encoded,) = pyruhvro.serialize_record_batch(_batch(usage), _SCHEMA, 1)
        framed: list[bytes] = pc.binary_join_element_wise(pa.scalar(self.framing), encoded, b"").to_pylist()
        return framed


def _event(row: dict[str, Any]) -> UsageEvent:
    """Return the event of a row, which is valid already."""
    counts = {unit: Decimal(row[unit]) for unit in FREQUENT if row[unit]} | row["quantities"]
    if row["calls"] != (row["kind"] == _USAGE):
        counts[CALLS] = Decimal(row["calls"])
    fields = {name: row[name] for name in UsageEvent.model_fields if name != "quantities"}
    return UsageEvent.model_construct(**fields, quantities=counts)


def records(usage: pa.Table, encoder: UsageEncoder, *, org: str) -> list[Record]:
    """Return the events of `org` as records, in order."""
    headers = [(ORG_HEADER, org.encode())]
    return [Record(key, value, headers) for key, value in zip(keys(usage), encoder.values(usage), strict=True)]


def keys(usage: pa.Table) -> list[bytes]:
    """Return a record key for each row: its identity, so that repeats meet in one partition."""
    parts = [usage[name] for name in IDENTITY_KEY]
    joined: list[bytes] = pc.binary_join_element_wise(*parts, KEY_SEPARATOR).cast(pa.binary()).to_pylist()
    return joined


def _batch(usage: pa.Table) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([_column(usage, field) for field in _COLUMNS], schema=_COLUMNS)


def _column(usage: pa.Table, field: pa.Field) -> pa.Array:
    column = _whole(usage[field.name])
    if field.name in FREQUENT:
        counts = column.to_numpy()
        return pa.array(counts, mask=counts == 0)
    match field.name:
        case "quantities":
            return _quantities(usage, field.type)
        case "tags":
            return column.cast(field.type)
        case "time":
            return column.cast(pa.timestamp("us", "UTC")).cast(field.type)
        case "amount" | "provider_cost":
            return _plain(column)
    return column


def _quantities(usage: pa.Table, kind: pa.ListType) -> pa.Array:
    """Return units and quantities in order of unit; the number of calls is one of them where it is not the usual."""
    units = _whole(usage["quantities"])
    usual = pc.equal(usage["kind"], _USAGE).cast(pa.int64())
    if pc.all(pc.equal(usage["calls"], usual)).as_py() is not False:
        items = pa.StructArray.from_arrays([units.keys, _plain(units.items)], fields=list(kind.value_type))
        return pa.ListArray.from_arrays(units.offsets, items, type=kind)
    rows = zip(units.to_pylist(), usage["calls"].to_pylist(), usual.to_pylist(), strict=True)
    listed = [sorted([*row, *([] if calls == often else [(CALLS, calls)])]) for row, calls, often in rows]
    return pa.array([[{"unit": unit, "quantity": _digits(count)} for unit, count in row] for row in listed], kind)


def _digits(value: object) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _plain(decimals: pa.Array) -> pa.Array:
    """Return decimals as digits, no exponent, no trailing zeros; Arrow itself writes small ones with an exponent."""
    if decimals.null_count == len(decimals):
        return pa.nulls(len(decimals), pa.string())
    text = pl.Series(pl.from_arrow(decimals)).cast(pl.String)
    pointed = text.str.contains(".", literal=True)
    short = text.str.strip_chars_end("0").str.strip_chars_end(".")
    return text.zip_with(~pointed, short).to_arrow().cast(pa.string())


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """Return the column as one array of its own: the bulk encoder is given neither chunks nor slices."""
    return pa.concat_arrays(column.chunks) if column.num_chunks > 1 or column.chunk(0).offset else column.chunk(0)
