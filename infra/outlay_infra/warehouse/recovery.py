"""Blocks that a crash left half stored: found by the receipts they lack, completed from their ledger rows and refusals.

They go in as any block whose fate is open: each table is asked what it holds. What was completed is then compared with
the ledger, and a partition that still differs, for a block of an earlier version bears no mark, is rebuilt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from outlay_infra.warehouse import check, derive, states
from outlay_infra.warehouse.database import Database, Tables
from outlay_infra.warehouse.loading.loader import BlockLoader
from outlay_infra.warehouse.partitions import partition_of
from outlay_infra.warehouse.repair import repair
from outlay_infra.warehouse.rollups import CELLS, DAYS, EVENT_IDS, TAG_DAYS, Rollup
from outlay_schemas import arrow
from outlay_schemas.block import Block

_GENERATION = 1 << 32
"""Offsets are (generation << 32 | sequence); a writer completes what the one before left, so older ones are whole."""

_NEWEST = """
SELECT `partition`, max(block) AS newest FROM receipts
WHERE startsWith(`partition`, {prefix:String}) GROUP BY `partition`
"""
_PARTITIONS = """
SELECT DISTINCT `partition` FROM ledger WHERE startsWith(`partition`, {prefix:String})
UNION DISTINCT
SELECT DISTINCT `partition` FROM rejects WHERE startsWith(`partition`, {prefix:String})
"""
_UNFINISHED = """
SELECT DISTINCT block FROM (
    SELECT block FROM ledger WHERE `partition` = {partition:String} AND block >= {first:UInt64}
    UNION ALL
    SELECT block FROM rejects WHERE `partition` = {partition:String} AND block >= {first:UInt64}
) WHERE block NOT IN (SELECT block FROM receipts WHERE `partition` = {partition:String} AND block >= {first:UInt64})
ORDER BY block
"""
_RECEIPT = """
SELECT r.org AS org, r.source AS source, r.day AS day, {partition:String} AS `partition`, {block:UInt64} AS block,
    sum(r.counted + r.conflict + r.rejected) AS received, sum(r.counted) AS counted, toInt64(0) AS duplicate,
    sum(r.conflict) AS conflict, sum(r.rejected) AS rejected
FROM (
    SELECT org, source, toDate32(received, 'UTC') AS day, toInt64(1) AS counted, toInt64(0) AS conflict,
        toInt64(0) AS rejected
    FROM ledger WHERE `partition` = {partition:String} AND block = {block:UInt64}
    UNION ALL
    SELECT org, source, toDate32(received, 'UTC') AS day, toInt64(0) AS counted,
        toInt64(outcome = 'conflict') AS conflict, toInt64(outcome != 'conflict') AS rejected
    FROM rejects WHERE `partition` = {partition:String} AND block = {block:UInt64}
) AS r GROUP BY r.org, r.source, r.day
"""
_OWN = "SELECT {columns} FROM {table} WHERE `partition` = {partition:String} AND block = {block:UInt64}"
_LAST = """
SELECT max(last) AS last, count() AS n FROM (
    SELECT max(block) AS last FROM {table} WHERE startsWith(`partition`, {prefix:String}) HAVING count() > 0
)
"""


_ROWS: tuple[tuple[Rollup, Callable[[Block], pa.Table]], ...] = (
    (TAG_DAYS, lambda block: block.tag_days),
    (CELLS, lambda block: block.cells),
    (DAYS, lambda block: block.days),
    (EVENT_IDS, lambda block: block.ids),
)


def recover(database: Tables, loader: BlockLoader, prefix: str, zones: Mapping[str, str]) -> list[str]:
    """Complete every unfinished block of the partitions that start so; return a line for each thing mended."""
    mended: list[str] = []
    blocks = [rebuilt(database, partition, offset, zones) for partition, offset in unfinished(database, prefix)]
    for block in blocks:
        loader.load([block])
        mended.append(f"completed block {block.token}, which a crash had left half stored")
    for rollup, rows in _ROWS if blocks else ():
        mended += _verified(database, rollup, pa.concat_tables(map(rows, blocks)), zones)
    states.catch_up(database)
    return mended


def unfinished(database: Database, prefix: str) -> Iterator[tuple[str, int]]:
    """Yield partition and offset of the blocks that have entries or refusals but no receipts."""
    newest = {row["partition"]: row["newest"] for row in database.query(_NEWEST, {"prefix": prefix}).to_pylist()}
    for partition in sorted(database.query(_PARTITIONS, {"prefix": prefix})["partition"].to_pylist()):
        first = newest.get(partition, 0) // _GENERATION * _GENERATION
        found = database.query(_UNFINISHED, {"partition": partition, "first": first})
        for block in found["block"].to_pylist():
            yield partition, block


def last_offset(database: Database, prefix: str) -> int | None:
    """Return the highest offset any table has of those partitions; None when none has any."""
    found = [
        database.query(_LAST.replace("{table}", table), {"prefix": prefix}).to_pylist()[0]
        for table in ("ledger", "receipts", "rejects")
    ]
    return max((row["last"] for row in found if row["n"]), default=None)


def rebuilt(database: Database, partition: str, offset: int, zones: Mapping[str, str]) -> Block:
    """Return the block as its ledger rows and refusals tell it; its receipts lack the repeats, which left no row."""
    key: dict[str, Any] = {"partition": partition, "block": offset}
    scope = derive.block_scope(partition, offset)

    def own(table: str, schema: pa.Schema) -> pa.Table:
        columns = ", ".join(f"`{name}`" for name in schema.names)
        sql = _OWN.replace("{columns}", columns).replace("{table}", table)
        return database.query(sql, key).select(schema.names).cast(schema)

    def derived(rollup: Rollup, schema: pa.Schema) -> pa.Table:
        rows = derive.rows(database, rollup, scope, zones).rename_columns([*rollup.keys, *rollup.measures])
        return rows.select(schema.names).cast(schema)

    return Block(
        partition=partition,
        offset=offset,
        entries=own("ledger", arrow.ENTRIES),
        ids=derived(EVENT_IDS, arrow.IDS),
        cells=derived(CELLS, arrow.CELLS),
        days=derived(DAYS, arrow.DAYS),
        tag_days=derived(TAG_DAYS, arrow.TAG_DAYS),
        receipts=database.query(_RECEIPT, key).select(arrow.RECEIPTS.names).cast(arrow.RECEIPTS),
        rejects=own("rejects", arrow.REJECTS),
    )


def _verified(database: Tables, rollup: Rollup, rows: pa.Table, zones: Mapping[str, str]) -> Iterator[str]:
    """Rebuild the partitions in which the days that `rows` touch still differ from the ledger."""
    by_org: dict[str, set[date]] = {}
    for row in rows.select(["org", _TIME[rollup.table]]).to_pylist():
        by_org.setdefault(row["org"], set()).add(_day(row[_TIME[rollup.table]]))
    wrong = {
        partition_of(rollup, day)
        for org, days in by_org.items()
        for day in days
        if check.days_differ(database, rollup, org, (day, day + timedelta(days=1)), zones)
    }
    for partition in sorted(wrong):
        yield repair(database, rollup.table, partition, zones)


_TIME = {"cells": "quarter", "days": "day", "tag_days": "day", "event_ids": "received"}


def _day(value: date) -> date:
    return date(value.year, value.month, value.day)
