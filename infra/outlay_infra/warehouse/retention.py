"""Forgetting by whole partitions: entries first, sums later or never, refused events after a month.

What leaves the ledger is counted in `expired` before it goes, so that receipts still add up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from outlay_infra.warehouse.database import Database, quoted
from outlay_infra.warehouse.partitions import month_days, week_days
from outlay_infra.warehouse.rollups import MONEY, STATES

REJECTS_DAYS = 30

_ROLLUPS = tuple(rollup.table for rollup in (*MONEY, *STATES))
_PARTITIONS = """
SELECT DISTINCT partition FROM system.parts
WHERE database = currentDatabase() AND active AND table = {table:String} ORDER BY partition
"""
_NAME = """
SELECT concat({month:String}, '/', toString(count()), '/', toString(max(block))) AS name
FROM ledger WHERE {in_month}
"""
_COUNT = """
INSERT INTO expired SETTINGS insert_deduplicate = 1, max_threads = 1, insert_deduplication_token = {token}
SELECT toYYYYMM(time) AS month, org, source, toDate32(received, 'UTC') AS day, toInt64(count()) AS entries
FROM ledger WHERE {in_month} GROUP BY ALL
"""
_IN_MONTH = "toYYYYMM(time) = {month}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many days each kind of data is kept; None is for ever."""

    raw_days: int | None = None
    rollup_days: int | None = None
    rejects_days: int | None = REJECTS_DAYS


def apply(database: Database, today: date, limits: Limits) -> list[str]:
    """Drop every partition that lies wholly before its limit; return a line for each."""
    lines = []
    for month in _past(database, "ledger", today, limits.raw_days):
        _remember(database, month)
        lines.append(_drop(database, "ledger", month))
    for table in _ROLLUPS:
        lines += [_drop(database, table, month) for month in _past(database, table, today, limits.rollup_days)]
    lines += [_drop(database, "rejects", week) for week in _past(database, "rejects", today, limits.rejects_days)]
    return lines


def _past(database: Database, table: str, today: date, days: int | None) -> Iterator[str]:
    if days is None:
        return
    edge = today - timedelta(days=days)
    for partition in database.query(_PARTITIONS, {"table": table})["partition"].to_pylist():
        _, end = week_days(int(partition)) if table == "rejects" else month_days(int(partition))
        if end <= edge:
            yield partition


def _remember(database: Database, month: str) -> None:
    """Count a month's entries once: a run cut short between counting and dropping counts under the same token again."""
    in_month = _IN_MONTH.replace("{month}", month)
    name = database.query(_NAME.replace("{in_month}", in_month), {"month": month})["name"][0].as_py()
    database.command(_COUNT.replace("{token}", quoted(name)).replace("{in_month}", in_month))


def _drop(database: Database, table: str, partition: str) -> str:
    database.command(f"ALTER TABLE {table} DROP PARTITION ID '{partition}'")
    return f"dropped partition {partition} of {table}"
