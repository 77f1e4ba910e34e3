"""Blocks that a crash left half stored: found by the receipts they lack, completed from their ledger rows and refusals.

The engine notes a token before it publishes the part, so a table may refuse a block it never got. What was completed is
therefore compared with the ledger, and a partition that still differs is rebuilt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from outlay_infra.warehouse import check, derive, states
from outlay_infra.warehouse.database import Database
from outlay_infra.warehouse.partitions import partition_of
from outlay_infra.warehouse.repair import repair
from outlay_infra.warehouse.rollups import WITH_BLOCK, Rollup
from outlay_schemas.arrow import RECEIPTS

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
_COMPLETE = "SELECT count() AS n FROM receipts WHERE `partition` = {partition:String} AND block = {block:UInt64}"
_LAST = """
SELECT max(last) AS last, count() AS n FROM (
    SELECT max(block) AS last FROM {table} WHERE startsWith(`partition`, {prefix:String}) HAVING count() > 0
)
"""


def recover(database: Database, prefix: str, zones: Mapping[str, str]) -> list[str]:
    """Complete every unfinished block of the partitions that start so; return a line for each thing mended."""
    mended = []
    for partition, block in unfinished(database, prefix):
        mended += _complete(database, partition, block, zones)
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


def _complete(database: Database, partition: str, block: int, zones: Mapping[str, str]) -> list[str]:
    scope = derive.block_scope(partition, block)
    token = f"{partition}/{block}"
    mended = [f"completed block {token}, which a crash had left half stored"]
    for rollup in WITH_BLOCK:
        rows = derive.rows(database, rollup, scope, zones)
        if rows.num_rows:
            database.insert(rollup.table, rows, token=token)
            mended += _verified(database, rollup, rows, zones)
    key: dict[str, Any] = {"partition": partition, "block": block}
    receipts = database.query(_RECEIPT, key).cast(RECEIPTS)
    database.insert("receipts", receipts, token=token)
    if not database.query(_COMPLETE, key)["n"][0].as_py():
        database.insert("receipts", receipts)
    return mended


def _verified(database: Database, rollup: Rollup, rows: pa.Table, zones: Mapping[str, str]) -> Iterator[str]:
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
