"""What was spent before a budget or a book of windows began, summed by what it asks for and no finer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from outlay_infra.warehouse.database import Queries
from outlay_schemas.arrow import AMOUNT

_SUMS = "sum(t.amount) AS total, sum(t.entries) AS counted"
_SUMS_OF_ENTRIES = "sum(ifNull(t.amount, toDecimal128(0, 12))) AS total, toInt64(count()) AS counted"
_CELLS = """
SELECT roundDown(toUnixTimestamp64Second(t.quarter), {{edges:Array(Int64)}}) AS edge, {names}, {sums} FROM cells AS t
WHERE t.org = {{org:String}} AND t.quarter >= fromUnixTimestamp64Second({{first:Int64}}, 'UTC')
AND t.quarter < fromUnixTimestamp64Second({{last:Int64}}, 'UTC')
GROUP BY edge, {names} ORDER BY edge, {names}
"""
_LEDGER = """
SELECT roundDown(intDiv(toUnixTimestamp64Milli(t.time), 1000), {{edges:Array(Int64)}}) AS edge, {names}, {sums}
FROM ledger AS t
WHERE t.org = {{org:String}} AND t.time >= fromUnixTimestamp64Milli({{first:Int64}} * 1000, 'UTC')
AND t.time < fromUnixTimestamp64Milli({{last:Int64}} * 1000, 'UTC')
AND t.`partition` IN {{sources:Array(String)}}
AND t.block <= transform(toString(t.`partition`), {{sources:Array(String)}}, {{marks:Array(UInt64)}}, toUInt64(0))
GROUP BY edge, {names} ORDER BY edge, {names}
"""
_STORED = "SELECT `partition`, max(block) AS block FROM receipts GROUP BY `partition` ORDER BY `partition`"
_SINCE = "SELECT `partition`, min(block) AS block FROM receipts WHERE day >= {day:Date32} GROUP BY `partition`"
_MINUTES = f"""
SELECT toUnixTimestamp(toStartOfMinute(t.received)) AS minute, t.team AS team, {_SUMS_OF_ENTRIES},
    toInt64(countIf(t.status = 'unpriced')) AS unpriced
FROM ledger AS t
WHERE t.org = {{org:String}} AND t.received >= fromUnixTimestamp64Milli({{since:Int64}}, 'UTC')
AND t.block >= transform(toString(t.`partition`), {{sources:Array(String)}}, {{marks:Array(UInt64)}}, toUInt64(0))
GROUP BY minute, team ORDER BY minute, team
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Past:
    """Sums, and the newest block of each source that they include.

    By time of use: `quarter` (the last edge at or before it), the dimensions asked for, `status`, `amount`, `entries`.
    """

    sums: pa.Table
    marks: Mapping[str, int]


def stored_marks(database: Queries) -> dict[str, int]:
    """Return the newest block of each source that is stored whole."""
    rows = database.query(_STORED)
    return dict(zip(rows["partition"].to_pylist(), rows["block"].to_pylist(), strict=True))


def whole_past(database: Queries, org: str, dimensions: Sequence[str], edges: Sequence[datetime]) -> Past:
    """Return what is stored, from the cells, while no block is being stored: the caller sees to that.

    `edges` rise and lie on quarter hours; time before the first and from the last on is left out.
    """
    if not edges:
        return Past(_empty(dimensions), stored_marks(database))
    sql = _CELLS.format(names=_names(dimensions), sums=_SUMS)
    rows = database.query(sql, {"org": org, **_within(edges)})
    return Past(_read(rows, dimensions), stored_marks(database))


def past_at(
    database: Queries, org: str, dimensions: Sequence[str], edges: Sequence[datetime], marks: Mapping[str, int]
) -> Past | None:
    """Return what blocks at or below `marks` hold, from the ledger, whatever is stored meanwhile.

    Of sources that `marks` does not name, everything stored whole; `Past.marks` names those too. None while a block at
    or below a mark may not be stored yet.
    """
    stored = stored_marks(database)
    if any(mark > stored.get(source, -1) for source, mark in marks.items()):
        return None
    limits = {source: mark for source, mark in {**stored, **marks}.items() if mark >= 0}
    if not edges or not limits:
        return Past(_empty(dimensions), limits)
    sql = _LEDGER.format(names=_names(dimensions), sums=_SUMS_OF_ENTRIES)
    parameters = {"org": org, **_within(edges), "sources": list(limits), "marks": list(limits.values())}
    return Past(_read(database.query(sql, parameters), dimensions), limits)


def received_minutes(database: Queries, org: str, since: datetime) -> Past:
    """Return what was received at or after `since`, while no block is being stored.

    Sums: `minute` (of receipt), `team`, `amount`, `entries`, `unpriced`.
    """
    first = database.query(_SINCE, {"day": since.astimezone(UTC).date().isoformat()})
    known = dict(zip(first["partition"].to_pylist(), first["block"].to_pylist(), strict=True))
    parameters = {
        "org": org,
        "since": _seconds(since) * 1000,
        "sources": list(known),
        "marks": list(known.values()),
    }
    rows = database.query(_MINUTES, parameters)
    columns = {
        "minute": _instants(rows["minute"]),
        "team": rows["team"].cast(pa.string()),
        "amount": rows["total"].cast(AMOUNT),
        "entries": rows["counted"],
        "unpriced": rows["unpriced"],
    }
    return Past(pa.table(columns), stored_marks(database))


def _within(edges: Sequence[datetime]) -> dict[str, object]:
    bounds = [_seconds(edge) for edge in edges]
    return {"edges": bounds, "first": bounds[0], "last": bounds[-1]}


def _names(dimensions: Sequence[str]) -> str:
    return ", ".join(f"t.{name}" for name in (*dimensions, "status"))


def _read(rows: pa.Table, dimensions: Sequence[str]) -> pa.Table:
    columns = {"quarter": _instants(rows["edge"])}
    columns |= {name: rows[name].cast(pa.string()) for name in (*dimensions, "status")}
    return pa.table({**columns, "amount": rows["total"].cast(AMOUNT), "entries": rows["counted"].cast(pa.int64())})


def _empty(dimensions: Sequence[str]) -> pa.Table:
    fields = [("quarter", pa.timestamp("s", tz="UTC")), *((name, pa.string()) for name in (*dimensions, "status"))]
    return pa.schema([*fields, ("amount", AMOUNT), ("entries", pa.int64())]).empty_table()


def _instants(seconds: pa.ChunkedArray) -> pa.ChunkedArray:
    return seconds.cast(pa.int64()).cast(pa.timestamp("s", tz="UTC"))


def _seconds(instant: datetime) -> int:
    return int((instant - _EPOCH).total_seconds())
