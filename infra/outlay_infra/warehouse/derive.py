"""Rows of derived tables out of the ledger: as Arrow, or straight into a table, one zone at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from outlay_infra.warehouse.database import Database, Parameters, quoted
from outlay_infra.warehouse.rollups import Rollup
from outlay_infra.warehouse.zones import ZoneGroup, zone_groups

_ONCE = "insert_deduplicate = 1, max_threads = 1, max_insert_threads = 1"
"""One thread makes one block, and a token names one block."""
_ALWAYS = "insert_deduplicate = 0"
"""Without a token the engine would take equal rows for a repeat."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which ledger rows, as a condition on `l` with its parameters."""

    condition: str
    parameters: Parameters = field(default_factory=dict)


def block_scope(partition: str, block: int) -> Scope:
    """Return the rows of one block."""
    return Scope(
        "l.`partition` = {partition:String} AND l.block = {block:UInt64}", {"partition": partition, "block": block}
    )


def stretch_scope(partition: str, first: int, last: int) -> Scope:
    """Return the rows of the blocks from `first` to `last`, both included."""
    return Scope(
        "l.`partition` = {partition:String} AND l.block BETWEEN {first:UInt64} AND {last:UInt64}",
        {"partition": partition, "first": first, "last": last},
    )


def rows(database: Database, rollup: Rollup, scope: Scope, zones: Mapping[str, str]) -> pa.Table:
    """Return the table's rows for `scope`, columns named as they are written."""
    found = [
        database.query(_statement(rollup, scope, group), {**scope.parameters, **group.parameters})
        for group in groups(rollup, zones)
    ]
    return pa.concat_tables(found).rename_columns(list(rollup.columns))


def insert(
    database: Database,
    rollup: Rollup,
    scope: Scope,
    zones: Mapping[str, str],
    *,
    into: str | None = None,
    token: str | None = None,
) -> None:
    """Insert the rows of `scope` inside the engine, under `token` (a part of it for each zone) when given."""
    names = ", ".join(f"`{name}`" for name in rollup.columns)
    for group in groups(rollup, zones):
        once = f"{_ONCE}, insert_deduplication_token = {quoted(f'{token}/{group.zone}')}" if token else _ALWAYS
        database.command(
            f"INSERT INTO {into or rollup.table} ({names}) SETTINGS {once} {_statement(rollup, scope, group)}",
            {**scope.parameters, **group.parameters},
        )


def groups(rollup: Rollup, zones: Mapping[str, str]) -> list[ZoneGroup]:
    """Return the zones to go through: one where days are UTC."""
    return list(zone_groups(zones if rollup.local else {}))


def _statement(rollup: Rollup, scope: Scope, group: ZoneGroup) -> str:
    return rollup.derive(f"{scope.condition} AND l.{group.condition}")
