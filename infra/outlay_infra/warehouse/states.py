"""Users and latencies, summed from the ledger some blocks at a time: no writer waits, nothing is counted twice."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from outlay_infra.warehouse import derive
from outlay_infra.warehouse.database import Database
from outlay_infra.warehouse.rollups import STATES
from outlay_infra.warehouse.zones import reporting_zones

_MARKS = """
SELECT `partition`, argMax(first, (upto, first)) AS first, max(upto) AS newest, argMax(done, (upto, done)) AS done
FROM state_marks GROUP BY `partition`
"""
Stretch = tuple[str, int, int]
"""Partition, first and last block."""

_NEWEST = "SELECT `partition`, max(block) AS newest FROM receipts GROUP BY `partition`"
_MARK = pa.schema([("partition", pa.string()), ("first", pa.uint64()), ("upto", pa.uint64()), ("done", pa.bool_())])


def catch_up(database: Database) -> int:
    """Sum every complete block not yet summed; return how many partitions had any."""
    marks = {row["partition"]: row["newest"] for row in database.query(_MARKS).to_pylist()}
    newest = {row["partition"]: row["newest"] for row in database.query(_NEWEST).to_pylist()}
    behind = [
        (partition, marks.get(partition, -1) + 1, upto)
        for partition, upto in newest.items()
        if upto > marks.get(partition, -1)
    ]
    _note(database, behind, done=False)
    _sum(database, behind)
    return len(behind)


def follow(database: Database, partitions: Sequence[str]) -> None:
    """Sum every complete block of these partitions not yet summed, a stretch that was cut short first.

    For a store that several processes write: each sums only the partitions that are its own.
    """
    own = frozenset(partitions)
    marks = {row["partition"]: row for row in database.query(_MARKS).to_pylist() if row["partition"] in own}
    _sum(database, [(name, row["first"], row["newest"]) for name, row in marks.items() if not row["done"]])
    newest = database.query(_NEWEST).to_pylist()
    behind = [
        (row["partition"], first, row["newest"])
        for row in newest
        if row["partition"] in own
        and row["newest"] >= (first := marks[row["partition"]]["newest"] + 1 if row["partition"] in marks else 0)
    ]
    _note(database, behind, done=False)
    _sum(database, behind)


def resume(database: Database, prefix: str) -> None:
    """Sum a stretch that a crash cut short again, under its own token: tables that have it ignore it."""
    stretches = [
        (row["partition"], row["first"], row["newest"])
        for row in database.query(_MARKS).to_pylist()
        if row["partition"].startswith(prefix) and not row["done"]
    ]
    _sum(database, stretches)


def _note(database: Database, stretches: Sequence[Stretch], *, done: bool) -> None:
    marks = [{"partition": name, "first": first, "upto": upto, "done": done} for name, first, upto in stretches]
    if marks:
        database.insert("state_marks", pa.Table.from_pylist(marks, _MARK))


def _sum(database: Database, stretches: Sequence[Stretch]) -> None:
    if not stretches:
        return
    zones = reporting_zones(database)
    for partition, first, upto in stretches:
        for rollup in STATES:
            token = f"{partition}/{first}-{upto}"
            derive.insert(database, rollup, derive.stretch_scope(partition, first, upto), zones, token=token)
    _note(database, stretches, done=True)
