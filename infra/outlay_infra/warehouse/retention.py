"""Forgetting by whole partitions: entries first, sums later or never, refused events after a month.

What leaves the ledger is counted in `expired` before it goes, so that receipts still add up. A row there says up to
which block of its source partition it counted the month, so that a run cut short anywhere counts nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from outlay_infra.errors import StoreError
from outlay_infra.warehouse.database import Database, quoted
from outlay_infra.warehouse.partitions import expired_months, month_days, partitions_present, week_days
from outlay_infra.warehouse.rollups import MONEY, STATES

REJECTS_DAYS = 30

_ROLLUPS = tuple(rollup.table for rollup in (*MONEY, *STATES))
_PARTITIONS = """
SELECT DISTINCT partition FROM system.parts
WHERE database = currentDatabase() AND active AND table = {table:String} ORDER BY partition
"""
_UNCOUNTED = """
FROM ledger AS l LEFT JOIN (
    SELECT `partition`, max(upto) + 1 AS next FROM expired WHERE month = {month:UInt32} GROUP BY `partition`
) AS e ON l.`partition` = e.`partition`
WHERE toYYYYMM(l.time) = {month:UInt32} AND l.block >= e.next
"""
_LEFT = f"""
SELECT count() AS entries, concat(toString(count()), '/', toString(sum(cityHash64(l.`partition`, l.block)))) AS name
{_UNCOUNTED}
"""
_COUNT = f"""
INSERT INTO expired (month, org, source, day, entries, `partition`, upto)
SETTINGS insert_deduplicate = 1, max_threads = 1, max_insert_threads = 1, insert_deduplication_token = {{token}}
SELECT toYYYYMM(l.time) AS month, l.org, l.source, toDate32(l.received, 'UTC') AS day, toInt64(count()) AS entries,
    l.`partition`, max(l.block) AS upto
{_UNCOUNTED} GROUP BY month, l.org, l.source, day, l.`partition`
"""
_BEGUN = """
SELECT count() AS entries FROM ledger AS l INNER JOIN (
    SELECT `partition`, max(upto) AS upto FROM expired
    WHERE month = {month:UInt32} AND `partition` != '' GROUP BY `partition`
) AS e ON l.`partition` = e.`partition`
WHERE toYYYYMM(l.time) = {month:UInt32} AND l.block <= e.upto
"""
_ATTEMPTS = 4
"""Counts of a month before the store is called at fault: the engine may note a token and lose its rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many days each kind of data is kept; None is for ever."""

    raw_days: int | None = None
    rollup_days: int | None = None
    rejects_days: int | None = REJECTS_DAYS


def apply(database: Database, today: date, limits: Limits) -> list[str]:
    """Drop every partition that lies wholly before its limit; return a line for each."""
    lines = finish(database)
    for month in _past(database, "ledger", today, limits.raw_days):
        lines.append(_forget(database, month))
    for table in _ROLLUPS:
        lines += [_drop(database, table, month) for month in _past(database, table, today, limits.rollup_days)]
    lines += [_drop(database, "rejects", week) for week in _past(database, "rejects", today, limits.rejects_days)]
    return lines


def finish(database: Database) -> list[str]:
    """Drop months that an earlier run counted and, cut short, did not drop; return a line for each."""
    begun = [
        str(month)
        for month in sorted(expired_months(database) & set(partitions_present(database, "ledger")))
        if database.query(_BEGUN, {"month": month})["entries"][0].as_py()
    ]
    return [_forget(database, month) for month in begun]


def _past(database: Database, table: str, today: date, days: int | None) -> Iterator[str]:
    if days is None:
        return
    edge = today - timedelta(days=days)
    for partition in database.query(_PARTITIONS, {"table": table})["partition"].to_pylist():
        _, end = week_days(int(partition)) if table == "rejects" else month_days(int(partition))
        if end <= edge:
            yield partition


def _forget(database: Database, month: str) -> str:
    """Count what was not counted yet of a month of the ledger, then drop it; the caller keeps writers out."""
    for attempt in range(_ATTEMPTS):
        left = database.query(_LEFT, {"month": int(month)}).to_pylist()[0]
        if not left["entries"]:
            return _drop(database, "ledger", month)
        token = quoted(f"{month}/{left['name']}/{attempt}")
        database.command(_COUNT.replace("{token}", token), {"month": int(month)})
    raise StoreError(f"expired takes the counts of {month} without an error and does not hold them; check its disk")


def _drop(database: Database, table: str, partition: str) -> str:
    database.command(f"ALTER TABLE {table} DROP PARTITION ID '{partition}'")
    return f"dropped partition {partition} of {table}"
