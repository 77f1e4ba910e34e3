"""What was spent before a budget or a book of windows began, summed by what it asks for and no finer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from outlay_infra.warehouse.database import Queries
from outlay_infra.warehouse.partitions import expired_months, month_number
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
SELECT edge, {names}, sum(part) AS total, sum(parts) AS counted FROM (
    SELECT roundDown(intDiv(toUnixTimestamp64Milli(t.time), 1000), {{edges:Array(Int64)}}) AS edge, {named},
        sum(ifNull(t.amount, toDecimal128(0, 12))) AS part, toInt64(count()) AS parts
    FROM ledger AS t WHERE {within} AND {below} AND NOT {gone} GROUP BY edge, {named}
    UNION ALL
    SELECT roundDown(toUnixTimestamp64Second(t.quarter), {{edges:Array(Int64)}}) AS edge, {named},
        sum(t.amount) AS part, sum(t.entries) AS parts
    FROM cells AS t WHERE t.org = {{org:String}} AND t.quarter >= fromUnixTimestamp64Second({{first:Int64}}, 'UTC')
    AND t.quarter < fromUnixTimestamp64Second({{last:Int64}}, 'UTC')
    AND toYYYYMM(t.quarter) IN {{months:Array(UInt32)}} GROUP BY edge, {named}
    UNION ALL
    SELECT roundDown(intDiv(toUnixTimestamp64Milli(t.time), 1000), {{edges:Array(Int64)}}) AS edge, {named},
        -sum(ifNull(t.amount, toDecimal128(0, 12))) AS part, -toInt64(count()) AS parts
    FROM ledger AS t WHERE {within} AND NOT ({below}) AND {gone} GROUP BY edge, {named}
) GROUP BY edge, {names} HAVING counted != 0 ORDER BY edge, {names}
"""
_WITHIN = """t.org = {org:String} AND t.time >= fromUnixTimestamp64Milli({first:Int64} * 1000, 'UTC')
    AND t.time < fromUnixTimestamp64Milli({last:Int64} * 1000, 'UTC')"""
_BELOW = """t.`partition` IN {sources:Array(String)}
    AND t.block <= transform(toString(t.`partition`), {sources:Array(String)}, {marks:Array(UInt64)}, toUInt64(0))"""
_GONE = "toYYYYMM(t.time) IN {months:Array(UInt32)}"
_LEFT = f"""
SELECT count() AS entries, sum(cityHash64(t.`partition`, t.block, t.id)) AS name,
    countIf((t.`partition`, t.block) NOT IN (SELECT `partition`, block FROM receipts)) AS under_way
FROM ledger AS t WHERE {_WITHIN} AND {_GONE}
"""
_ASIDE = """
SELECT count() AS tables FROM system.tables WHERE database = currentDatabase()
AND toUInt32OrZero(extract(name, '^expired_([0-9]{6})_[0-9a-f]{8}$')) IN {months:Array(UInt32)}
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

    Of sources that `marks` does not name, everything stored whole; `Past.marks` names those too. Months that retention
    took from the ledger are what cells say, without the entries above the marks: those came of late and are in the
    ledger still. None while a block at or below a mark may not be stored yet, and while such a month changes.
    """
    stored = stored_marks(database)
    if any(mark > stored.get(source, -1) for source, mark in marks.items()):
        return None
    limits = {source: mark for source, mark in {**stored, **marks}.items() if mark >= 0}
    if not edges or not limits:
        return Past(_empty(dimensions), limits)
    parameters = {"org": org, **_within(edges), "sources": list(limits), "marks": list(limits.values())}
    found = _forgotten(database, edges, parameters)
    if found is None:
        return None
    names = ", ".join((*dimensions, "status"))
    sql = _LEDGER.format(names=names, named=_names(dimensions), within=_WITHIN, below=_BELOW, gone=_GONE)
    rows = database.query(sql, {**parameters, "months": found[0]})
    if _forgotten(database, edges, parameters) != found:
        return None
    return Past(_read(rows, dimensions), limits)


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


def _forgotten(
    database: Queries, edges: Sequence[datetime], parameters: Mapping[str, object]
) -> tuple[list[int], int, int] | None:
    """Return the months within `edges` whose entries are gone, and what tells whether their late ones changed.

    None amid a change. A block is in the ledger first and in the receipts last: the same answer before and after says
    that cells held still.
    """
    first, last = (month_number(edge.astimezone(UTC).date()) for edge in (edges[0], edges[-1]))
    months = sorted(month for month in expired_months(database) if first <= month <= last)
    if not months:
        return [], 0, 0
    given = {**parameters, "months": months}
    left = database.query(_LEFT, given).to_pylist()[0]
    if left["under_way"] or database.query(_ASIDE, given)["tables"][0].as_py():
        return None
    return months, left["entries"], left["name"]


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
