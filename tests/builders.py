"""Batches and blocks for tests: say what matters, the rest has a plain default.

`usage` and `entries` make Arrow tables from rows; `block` derives everything a block carries from its entries, one row
at a time in `Decimal`, so that it can stand as a second opinion on the columnar code.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import xxhash

from outlay_schemas import arrow
from outlay_schemas.block import Block
from outlay_schemas.dimensions import ATTRIBUTION, ROLLED_UP, UNALLOCATED
from outlay_schemas.units import FREQUENT

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
"""A Monday."""

Row = Mapping[str, Any]
Zones = Mapping[str, str]
"""Reporting zone by org."""
UTC_DAYS: Zones = MappingProxyType({})

_USAGE_DEFAULTS: dict[str, Any] = {
    "org": "acme",
    "source": "api",
    "time": NOON,
    "provider": "openai",
    "model": "gpt-5-mini",
    "tags": {},
    "calls": 1,
    "quantities": {},
    "outcome": "ok",
    "estimated": False,
    "kind": "usage",
    **dict.fromkeys(FREQUENT, 0),
}
_ENTRY_DEFAULTS: dict[str, Any] = {
    **_USAGE_DEFAULTS,
    "received": NOON,
    "partition": "embedded/0",
    "block": 0,
    "category": "model_api",
    "status": "priced",
    "reason": "",
    "service_tier": "standard",
    "region": "",
    "operation": "",
    "reported_provider": "openai",
    "reported_model": "gpt-5-mini",
    **dict.fromkeys(ATTRIBUTION, UNALLOCATED),
    "request_id": "",
    "trace_id": "",
    "amount": Decimal("0.001"),
    "price_id": "p_test",
    "rule_id": "",
    "catalog_version": 0,
}


def usage(*rows: Row, **shared: Any) -> pa.Table:
    """Return a USAGE table, one row for each mapping (one row when none is given); `id` defaults to `e1`, `e2`, ..."""
    return _table(arrow.USAGE, _USAGE_DEFAULTS, rows or ({},), shared)


def entries(*rows: Row, **shared: Any) -> pa.Table:
    """Return an ENTRIES table; `amount` takes a Decimal, an int, a decimal string, or None with `status="unpriced"`."""
    return _table(arrow.ENTRIES, _ENTRY_DEFAULTS, rows or ({},), shared)


def id_hash(row: Row) -> int:
    """Return the identity hash of an entry or event."""
    return xxhash.xxh3_64_intdigest("\x1f".join((row["org"], row["source"], row["id"])).encode())


def block(
    rows: pa.Table | None = None,
    *,
    partition: str = "embedded/0",
    offset: int = 1,
    zones: Zones = UTC_DAYS,
    rejects: Iterable[Row] = (),
    duplicates: int = 0,
    received: datetime = NOON,
) -> Block:
    """Return the block of these entries, with `partition` and `block` set on every row and days in the org's zone."""
    plain = [{**row, "partition": partition, "block": offset} for row in (rows.to_pylist() if rows is not None else [])]
    refused = [_reject(row, partition, offset, received) for row in rejects]
    return Block(
        partition=partition,
        offset=offset,
        entries=pa.Table.from_pylist(plain, arrow.ENTRIES),
        ids=pa.Table.from_pylist([{**row, "id_hash": id_hash(row)} for row in plain], arrow.IDS),
        cells=_summed(arrow.CELLS, plain, lambda row: [("quarter", _quarter(row["time"]), *_dimensions(row))]),
        days=_summed(arrow.DAYS, plain, lambda row: [("day", _day(row, zones), *_dimensions(row))]),
        tag_days=_summed(
            arrow.TAG_DAYS,
            plain,
            lambda row: [(_day(row, zones), tag, value, row["team"], row["status"]) for tag, value in row["tags"]],
        ),
        receipts=_receipts(plain, refused, duplicates, partition, offset, received),
        rejects=pa.Table.from_pylist(refused, arrow.REJECTS),
    )


def _table(schema: pa.Schema, defaults: Row, rows: Iterable[Row], shared: Row) -> pa.Table:
    built = []
    for number, row in enumerate(rows, start=1):
        unknown = {*row, *shared} - set(schema.names)
        if unknown:
            raise ValueError(f"no such column: {', '.join(sorted(unknown))}")
        values = {"id": f"e{number}", **defaults, **shared, **row}
        values.setdefault("content_hash", xxhash.xxh3_64_intdigest(repr(sorted(values.items())).encode()) & 0xFFFFFFFF)
        built.append(
            {name: _stored(schema.field(name).type, value) for name, value in values.items() if name in schema.names}
        )
    return pa.Table.from_pylist(built, schema)


def _stored(kind: pa.DataType, value: Any) -> Any:
    if pa.types.is_map(kind):
        decimal = pa.types.is_decimal(kind.item_type)
        return sorted((key, Decimal(item) if decimal else item) for key, item in dict(value).items())
    if pa.types.is_decimal(kind) and value is not None:
        return Decimal(value)
    return value


def _reject(row: Row, partition: str, offset: int, received: datetime) -> dict[str, Any]:
    defaults = {
        "org": "acme",
        "source": "api",
        "id": "",
        "outcome": "rejected",
        "pointer": "",
        "reason": "wrong",
        "event": "{}",
    }
    return {**defaults, "received": received, "partition": partition, "block": offset, **row}


def _quarter(time: datetime) -> datetime:
    return time.replace(minute=time.minute - time.minute % 15, second=0, microsecond=0)


def _day(row: Row, zones: Zones) -> date:
    return row["time"].astimezone(ZoneInfo(zones.get(row["org"], "UTC"))).date()


def _dimensions(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in ROLLED_UP)


def _summed(schema: pa.Schema, rows: Iterable[Row], keys: Any) -> pa.Table:
    measures = arrow.SUMS.names
    names = [name for name in schema.names if name not in measures and name != "org"]
    sums: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        for found in keys(row):
            key = (row["org"], *(found[1:] if found[0] in {"quarter", "day"} else found))
            total = sums.setdefault(key, dict.fromkeys(measures, 0))
            for name in measures:
                total[name] += 1 if name == "entries" else (row[name] or 0)
    table = [{"org": key[0], **dict(zip(names, key[1:], strict=True)), **total} for key, total in sums.items()]
    return pa.Table.from_pylist(table, schema)


def _receipts(
    plain: list[dict[str, Any]],
    refused: list[dict[str, Any]],
    duplicates: int,
    partition: str,
    offset: int,
    received: datetime,
) -> pa.Table:
    sources = sorted({(row["org"], row["source"]) for row in itertools.chain(plain, refused)}) or [("acme", "api")]
    rows = []
    for position, (org, source) in enumerate(sources):
        mine = [row for row in refused if (row["org"], row["source"]) == (org, source)]
        counts = {
            "counted": sum((row["org"], row["source"]) == (org, source) for row in plain),
            "duplicate": duplicates if position == 0 else 0,
            "conflict": sum(row["outcome"] == "conflict" for row in mine),
            "rejected": sum(row["outcome"] == "rejected" for row in mine),
        }
        key = {"org": org, "source": source, "day": received.date(), "partition": partition, "block": offset}
        rows.append({**key, **counts, "received": sum(counts.values())})
    return pa.Table.from_pylist(rows, arrow.RECEIPTS)
