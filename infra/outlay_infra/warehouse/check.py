"""The proof that every derived table agrees with the ledger.

Sums by org and day are compared first, a month at a time and beside the writers; only days that differ are compared
again with the writers held back, and read key by key. Memory stays that of one month's sums, whatever the ledger holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from outlay_infra.warehouse import derive, totals
from outlay_infra.warehouse.database import Database
from outlay_infra.warehouse.partitions import (
    expired_months,
    month_days,
    partition_of,
    partitions_present,
    touches_expired,
)
from outlay_infra.warehouse.rollups import ROLLUPS, Rollup

DAYS_SHOWN = 10
KEYS_SHOWN = 10
"""Days of a table, and keys of a day, that are told one by one."""

Still = Callable[[], AbstractContextManager[None]]
"""Holds writers back, everything written so far being summed."""

_DAY = timedelta(days=1)

Value = Decimal | int | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One number of one row that is not what the ledger says. `mend` is the sentence to show."""

    table: str
    partition: str
    key: Mapping[str, str]
    measure: str
    expected: Value
    found: Value
    mend: str

    def __str__(self) -> str:
        where = ", ".join(f"{name}={value}" for name, value in self.key.items())
        return f"{self.table} ({where}): {self.measure} is {self.found}, should be {self.expected}; {self.mend}"


@dataclass(frozen=True, slots=True)
class Range:
    """What to check: days (half-open, open where None) and org (all when None)."""

    org: str | None = None
    since: date | None = None
    until: date | None = None

    def clip(self, days: tuple[date, date]) -> tuple[date, date] | None:
        """Return the part of `days` inside the range, None when there is none."""
        first, last = max(days[0], self.since or days[0]), min(days[1], self.until or days[1])
        return (first, last) if first < last else None

    @property
    def days(self) -> tuple[date, date] | None:
        """The days as one interval; None when neither end is given."""
        if self.since is None and self.until is None:
            return None
        return self.since or date(1900, 1, 1), self.until or date(2299, 12, 31)


def rollups(database: Database, checked: Range, zones: Mapping[str, str], still: Still) -> Iterator[Difference]:
    """Yield where derived tables differ from the ledger; what differs is looked at again while writers are `still`."""
    expired = expired_months(database)
    for rollup in ROLLUPS.values():
        for days in _stretches(database, rollup, checked):
            wrong = _wrong_days(database, rollup, days, checked.org, zones=zones, expired=expired)
            if wrong:
                seen = (min(day for _, day in wrong), max(day for _, day in wrong) + _DAY)
                with still():
                    wrong = _wrong_days(database, rollup, seen, checked.org, zones=zones, expired=expired)
                    told = list(_told(database, rollup, wrong, zones))
                yield from told


def days_differ(
    database: Database, rollup: Rollup, org: str, days: tuple[date, date], zones: Mapping[str, str]
) -> bool:
    """Return whether the table differs from the ledger on any of those days of an org."""
    return bool(_wrong_days(database, rollup, days, org, zones=zones, expired=expired_months(database)))


def _stretches(database: Database, rollup: Rollup, checked: Range) -> Iterator[tuple[date, date] | None]:
    if rollup.weekly:  # arrival is no key of the ledger: one pass over it
        yield checked.days
        return
    for month in partitions_present(database, "ledger", rollup.table):
        days = checked.clip(month_days(month))
        if days:
            yield days


def _wrong_days(
    database: Database,
    rollup: Rollup,
    days: tuple[date, date] | None,
    org: str | None,
    *,
    zones: Mapping[str, str],
    expired: frozenset[int],
) -> list[totals.OrgDay]:
    scope = totals.days_scope(rollup, days, org)
    if rollup.weekly:  # ids outlive their entries
        kept = "toYYYYMM(l.time) NOT IN {expired:Array(UInt32)}"
        scope = derive.Scope(f"{scope.condition} AND {kept}", {**scope.parameters, "expired": sorted(expired)})
    expected = totals.of_ledger(database, rollup, scope, zones)
    found = totals.of_table(database, rollup, days, org, expired)
    return sorted(
        key
        for key in expected.keys() | found.keys()
        if expected.get(key) != found.get(key) and not touches_expired(rollup, key[1], expired)
    )


def _told(
    database: Database, rollup: Rollup, wrong: list[totals.OrgDay], zones: Mapping[str, str]
) -> Iterator[Difference]:
    for org, day in wrong[:DAYS_SHOWN]:
        yield from _keys(database, rollup, org, day, zones)
    for org, day in wrong[DAYS_SHOWN:]:
        yield _difference(rollup, day, {"org": org, "day": str(day)}, "sums")


def _keys(database: Database, rollup: Rollup, org: str, day: date, zones: Mapping[str, str]) -> Iterator[Difference]:
    days = (day, day + _DAY)
    names = list(rollup.keys)
    derived = derive.rows(database, rollup, totals.days_scope(rollup, days, org), zones)
    expected = _by_key(derived.rename_columns([*names, *rollup.measures]).to_pylist(), names)
    found = _by_key(database.query(_stored_sql(rollup), {"org": org, "day": day}).to_pylist(), names)
    differing = sorted(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))
    for key in differing[:KEYS_SHOWN]:
        ours, theirs = expected.get(key), found.get(key)
        told = dict(zip(names, map(str, key), strict=True))
        for measure in rollup.measures or ("entries",):
            right, wrong = (side.get(measure, 1) if side is not None else None for side in (ours, theirs))
            if right != wrong:
                yield _difference(rollup, day, told, measure, expected=right, found=wrong)
    if len(differing) > KEYS_SHOWN:
        more = f"{len(differing) - KEYS_SHOWN} more keys"
        yield _difference(rollup, day, {"org": org, "day": str(day)}, more)


def _stored_sql(rollup: Rollup) -> str:
    keys = ", ".join(f"t.{name} AS {name}" for name in rollup.keys)
    how = "sum" if rollup.aggregate == "sum" else "groupUniqArrayArray"
    measures = "".join(f", {how}(t.{name}) AS {name}" for name in rollup.measures) or ", count() AS entries"
    condition = f"t.org = {{org:String}} AND {rollup.day} = {{day:Date32}}"
    return f"SELECT {keys}{measures} FROM {rollup.table} AS t WHERE {condition} GROUP BY ALL"


def _by_key(rows: list[dict[str, Any]], names: list[str]) -> dict[tuple[Any, ...], dict[str, Any]]:
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        key = tuple(row.pop(name) for name in names)
        measures = {name: len(set(value)) if isinstance(value, list) else value for name, value in row.items()}
        if not measures:  # a table of rows: count them
            measures = {"entries": found.get(key, {"entries": 0})["entries"] + 1}
        found[key] = measures
    return found


def _difference(
    rollup: Rollup, day: date, key: Mapping[str, str], measure: str, *, expected: Value = None, found: Value = None
) -> Difference:
    partition = partition_of(rollup, day)
    return Difference(
        table=rollup.table,
        partition=partition,
        key=key,
        measure=measure,
        expected=expected,
        found=found,
        mend=f"repair partition {partition} of {rollup.table} to rebuild it from the ledger",
    )
