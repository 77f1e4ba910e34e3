"""Partitions and the days they hold; months that retention removed from the ledger, whose sums are all that is left."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from outlay_infra.warehouse.database import Database, Queries
from outlay_infra.warehouse.rollups import Rollup

_DAY = timedelta(days=1)


def expired_months(database: Queries) -> frozenset[int]:
    """Return the months (as 202605) whose entries are gone."""
    return frozenset(database.query("SELECT DISTINCT month FROM expired")["month"].to_pylist())


def month_number(day: date) -> int:
    """Return the month of `day` as ClickHouse's toYYYYMM does."""
    return day.year * 100 + day.month


def touches_expired(rollup: Rollup, day: date, months: frozenset[int]) -> bool:
    """Return whether entries of that day of the table may be gone; a local day reaches into the UTC days beside it."""
    if rollup.weekly:  # kept by arrival, which says nothing of the month of use
        return False
    reach = (day - _DAY, day, day + _DAY) if rollup.local else (day,)
    return any(month_number(near) in months for near in reach)


def first_day(month: int) -> date:
    """Return the first day of a month given as 202605."""
    return date(month // 100, month % 100, 1)


def month_days(month: int) -> tuple[date, date]:
    """Return the half-open days of a month given as 202605."""
    start = first_day(month)
    return start, (start + timedelta(days=32)).replace(day=1)


def week_days(week: int) -> tuple[date, date]:
    """Return the half-open days of an ISO week given as 202621."""
    start = date.fromisocalendar(week // 100, week % 100, 1)
    return start, start + timedelta(days=7)


def partition_days(rollup: Rollup, partition: str) -> tuple[date, date]:
    """Return the half-open days of a partition of the table."""
    return week_days(int(partition)) if rollup.weekly else month_days(int(partition))


def partition_of(rollup: Rollup, day: date) -> str:
    """Return the partition of the table that holds `day`."""
    if rollup.weekly:
        year, week, _ = day.isocalendar()
        return f"{year:04d}{week:02d}"
    return str(month_number(day))


def partitions_present(database: Database, *tables: str) -> Iterator[int]:
    """Yield, in order, the partitions (months as 202605, weeks as 202621) in which any of the tables has rows."""
    found = database.query(
        "SELECT DISTINCT partition FROM system.parts"
        " WHERE database = currentDatabase() AND active AND table IN {tables:Array(String)}",
        {"tables": list(tables)},
    )
    yield from sorted(int(partition) for partition in found["partition"].to_pylist())
