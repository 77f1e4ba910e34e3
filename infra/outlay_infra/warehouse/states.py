"""Users and latencies, summed from the ledger some blocks at a time: no writer waits, nothing is counted twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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


def catch_up(database: Database) -> None:
    """Sum every complete block not yet summed, a stretch that was cut short first. For a store with one writer."""
    _advance(database, _rows(database, _MARKS), _rows(database, _NEWEST))


def follow(database: Database, partitions: Sequence[str]) -> None:
    """Do as `catch_up` for these partitions, for a store where each of several processes sums only its own."""
    own = frozenset(partitions)
    marks, newest = _rows(database, _MARKS), _rows(database, _NEWEST)
    _advance(
        database,
        {name: row for name, row in marks.items() if name in own},
        {name: row for name, row in newest.items() if name in own},
    )


def _rows(database: Database, sql: str) -> dict[str, dict[str, Any]]:
    return {row["partition"]: row for row in database.query(sql).to_pylist()}


def _advance(
    database: Database, marks: Mapping[str, Mapping[str, Any]], newest: Mapping[str, Mapping[str, Any]]
) -> None:
    _sum(database, [(name, row["first"], row["newest"]) for name, row in marks.items() if not row["done"]])
    behind = [
        (name, first, row["newest"])
        for name, row in newest.items()
        if row["newest"] >= (first := marks[name]["newest"] + 1 if name in marks else 0)
    ]
    _note(database, behind, done=False)
    _sum(database, behind)


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
