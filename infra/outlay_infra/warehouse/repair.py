"""Rebuild a partition of a derived table from the ledger: filled aside, then put in place in one step.

Blocks that are not complete yet keep their marks (`outlay_infra.warehouse.loading`): the rebuilt sums hold them too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from outlay_infra.errors import QueryError
from outlay_infra.warehouse import derive, totals
from outlay_infra.warehouse.database import Database, Tables
from outlay_infra.warehouse.loading.shares import BETWEEN, NO_ORG
from outlay_infra.warehouse.partitions import (
    expired_months,
    month_days,
    month_number,
    partition_days,
    partitions_present,
)
from outlay_infra.warehouse.rollups import ROLLUPS, Rollup
from outlay_infra.warehouse.zones import DEFAULT, declared_version, note_rebuilt, reporting_zones

_ASIDE = "rebuilt_{table}"
_MARKED = {target.table: target for target in BETWEEN if target.mark}
_OPEN = """
SELECT DISTINCT `partition`, block FROM ledger
WHERE `partition` = {partition:String} AND block >= {upto:UInt64}
"""
_COMPLETE = "SELECT `partition`, max(block) + 1 AS upto FROM receipts GROUP BY `partition`"


def repair(database: Tables, table: str, partition: str, zones: Mapping[str, str]) -> str:
    """Rebuild one partition and return a line that says so. The caller keeps writers out meanwhile.

    Raises `QueryError` when the table is not derived, or when retention removed the entries it would be rebuilt from.
    """
    rollup = ROLLUPS.get(table)
    if rollup is None:
        raise QueryError(f"{table!r} is not derived from the ledger; repairable tables: {', '.join(ROLLUPS)}")
    if not partition.isdecimal():
        raise QueryError(
            f"{partition!r} is no partition of {table}; write a month like 202605, or a week for event_ids"
        )
    expired = expired_months(database)
    if not rollup.weekly and int(partition) in expired:
        raise QueryError(f"the entries of {partition} were removed by retention; {table} keeps the only sums of them")
    aside = _ASIDE.format(table=table)
    database.everywhere(f"DROP TABLE IF EXISTS {aside} SYNC")
    database.everywhere(f"CREATE TABLE {aside} AS {table}")
    try:
        _fill(database, rollup, partition, aside, expired=expired, zones=zones)
        _mark(database, rollup, partition, aside, zones)
        _put_in_place(database, table, partition, aside)
    finally:
        database.everywhere(f"DROP TABLE IF EXISTS {aside} SYNC")
    return f"rebuilt partition {partition} of {table} from the ledger"


def _put_in_place(database: Database, table: str, partition: str, aside: str) -> None:
    parts = (
        "SELECT count() AS n FROM system.parts WHERE database = currentDatabase() AND active AND table = {table:String}"
    )
    rebuilt = database.query(f"{parts} AND partition_id = {{id:String}}", {"table": aside, "id": partition})
    # The engine refuses an empty replacement, which is right where the ledger has nothing.
    how = (
        f"REPLACE PARTITION ID '{partition}' FROM {aside}"
        if rebuilt["n"][0].as_py()
        else f"DROP PARTITION ID '{partition}'"
    )
    database.command(f"ALTER TABLE {table} {how}")


@dataclass(frozen=True, slots=True)
class DayRebuild:
    """The partitions of local-day tables to be rebuilt after the reporting zone of `org` changed."""

    org: str
    version: int
    """The catalog version that declares the zone."""
    zones: Mapping[str, str]
    partitions: tuple[tuple[str, int], ...]
    """Table and month."""


def plan_days(database: Database, org: str) -> DayRebuild:
    """Return what is to be rebuilt: every local-day table, for the months in which `org` has entries.

    The caller sees to it that no block metered under an earlier zone follows.
    """
    version = declared_version(database, org)  # before the zones: a later change then counts as not followed
    zones = reporting_zones(database)
    present = database.query(
        "SELECT DISTINCT toYYYYMM(time) AS month FROM ledger WHERE org = {org:String}", {"org": org}
    )
    own = frozenset(present["month"].to_pylist())
    near = {month_number(day) for month in own for day in _edges(month)} | own
    partitions = [
        (rollup.table, month)
        for rollup in ROLLUPS.values()
        if rollup.local
        for month in sorted(near & set(partitions_present(database, rollup.table, "ledger")) | own)
    ]
    return DayRebuild(org, version, zones, tuple(partitions))


def rebuild_day_partition(database: Tables, plan: DayRebuild, table: str, month: int) -> str | None:
    """Rebuild one of the plan and return a line that says so, or None where retention left nothing to rebuild from."""
    if month in expired_months(database):
        return None
    return repair(database, table, str(month), plan.zones)


def note_days(database: Database, plan: DayRebuild) -> None:
    """Note in `day_zones` that all of the plan was rebuilt."""
    note_rebuilt(database, plan.org, version=plan.version, zone=plan.zones.get(plan.org, DEFAULT))


def _edges(month: int) -> tuple[date, date]:
    first, after = month_days(month)
    return first - timedelta(days=1), after


def _fill(
    database: Database,
    rollup: Rollup,
    partition: str,
    aside: str,
    *,
    expired: frozenset[int],
    zones: Mapping[str, str],
) -> None:
    days = partition_days(rollup, partition)
    scope = totals.days_scope(rollup, days, None)
    if expired:
        gone = {**scope.parameters, "expired": sorted(expired)}
        near = _reaches_expired(rollup, rollup.raw_day, "l.time")
        scope = derive.Scope(f"{scope.condition} AND NOT ({near})", gone)
        names = ", ".join(f"`{name}`" for name in rollup.columns)
        shown = ", ".join(f"t.`{name}`" for name in (*rollup.keys, *rollup.measures))
        database.command(
            f"INSERT INTO {aside} ({names}) SETTINGS insert_deduplicate = 0 SELECT {shown} FROM {rollup.table} AS t"
            f" WHERE {rollup.day} >= {{first:Date32}} AND {rollup.day} < {{last:Date32}}"
            f" AND ({_reaches_expired(rollup, rollup.day, 't.time')})",
            {"first": days[0], "last": days[1], "expired": sorted(expired)},
        )
    derive.insert(database, rollup, scope, zones, into=aside)


def _mark(database: Database, rollup: Rollup, partition: str, aside: str, zones: Mapping[str, str]) -> None:
    """Mark the blocks whose rows were summed here before they are complete, so that nobody adds them again."""
    target = _MARKED.get(rollup.table)
    waiting = list(_open_blocks(database)) if target else []
    if target is None or not waiting:
        return
    scope = totals.days_scope(rollup, partition_days(rollup, partition), None)
    own = "l.`partition` IN {sources:Array(String)} AND l.block IN {blocks:Array(UInt64)}"
    asked = {"sources": [source for source, _ in waiting], "blocks": [block for _, block in waiting]}
    times: dict[tuple[str, int], Any] = {}
    for group in derive.groups(rollup, zones):
        found = database.query(
            f"SELECT l.`partition` AS source, l.block AS block, min({rollup.keys[target.time]}) AS first"
            f" FROM ledger AS l {rollup.rows} WHERE {own} AND {scope.condition} AND l.{group.condition} GROUP BY ALL",
            {**scope.parameters, **group.parameters, **asked},
        )
        times |= {(row["source"], row["block"]): row["first"] for row in found.to_pylist()}
    marks = [
        {"org": NO_ORG, target.mark["partition"]: source, target.mark["offset"]: str(block), target.time: at}
        for (source, block), at in times.items()
    ]
    if marks:
        database.insert(aside, pa.Table.from_pylist([{**mark, "entries": 1} for mark in marks]))


def _open_blocks(database: Database) -> Iterator[tuple[str, int]]:
    """Yield source partition and offset of the blocks past the last complete one."""
    upto = {row["partition"]: row["upto"] for row in database.query(_COMPLETE).to_pylist()}
    for source in database.query("SELECT DISTINCT `partition` FROM ledger")["partition"].to_pylist():
        found = database.query(_OPEN, {"partition": source, "upto": upto.get(source, 0)})
        yield from zip(found["partition"].to_pylist(), found["block"].to_pylist(), strict=True)


def _reaches_expired(rollup: Rollup, day: str, time: str) -> str:
    """Return the condition under which a row may rest on entries that are gone: it is copied, not derived."""
    gone = "IN {expired:Array(UInt32)}"
    if rollup.local:
        return f"toYYYYMM({day} - 1) {gone} OR toYYYYMM({day} + 1) {gone}"
    return f"toYYYYMM({time}) {gone}" if rollup.weekly else "0"
