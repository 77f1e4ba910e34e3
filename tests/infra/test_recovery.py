"""Whatever a crash cut off of a block, recovery completes it from the ledger, once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from outlay_infra.warehouse import Warehouse
from outlay_schemas.block import Block
from tests import builders

ORDER = ("ledger", "tag_days", "cells", "days", "event_ids", "rejects", "receipts")
SUMMED = {"tag_days", "cells", "days"}
GENERATION = 1 << 32


def block(offset: int, **shared: object) -> Block:
    rows = builders.entries(
        {"id": f"a{offset}", "amount": "1.5", "tags": {"tier": "gold"}, "user": "ann", "latency_ms": 64},
        {"id": f"b{offset}", "amount": None, "status": "unpriced", "source": "other"},
        {"id": f"c{offset}", "amount": "2", "time": builders.NOON - timedelta(days=40)},
        **shared,
    )
    return builders.block(rows, offset=offset, rejects=[{"id": "r"}, {"id": "s", "outcome": "conflict"}])


def write(warehouse: Warehouse, block: Block, *tables: str) -> None:
    """Write the block into these tables only, as a process killed on the way would."""
    parts = {"ledger": block.entries, "event_ids": block.ids}
    for table in tables:
        rows = parts[table] if table in parts else getattr(block, table)
        warehouse._insert_under(table, rows, block.token)


def sums(warehouse: Warehouse) -> dict[str, object]:
    return {
        table: warehouse.query(
            f"SELECT {'sum(amount)' if table in SUMMED else 'NULL'} AS amount,"
            f" {'sum(entries)' if table in SUMMED else 'count()'} AS n FROM {table}"
        ).to_pylist()
        for table in ORDER
    }


@pytest.mark.parametrize("stored", range(1, len(ORDER)))
def test_a_block_cut_short_anywhere_is_completed(warehouse: Warehouse, stored: int) -> None:
    whole, cut = block(GENERATION + 1), block(GENERATION + 2)
    warehouse.insert_block(whole)
    write(warehouse, cut, *ORDER[:stored])

    lines = warehouse.recover("embedded/")

    assert lines == ["completed block embedded/0/4294967298, which a crash had left half stored"]
    assert warehouse.check() == []
    assert warehouse.query("SELECT sum(counted) AS n FROM receipts")["n"].to_pylist() == [6]
    assert warehouse.recover("embedded/") == []


def test_a_block_of_refusals_alone_is_completed(warehouse: Warehouse) -> None:
    refused = builders.block(None, offset=GENERATION + 1, rejects=[{"id": "r"}, {"id": "s", "outcome": "conflict"}])
    write(warehouse, refused, "rejects")

    assert warehouse.recover("embedded/") == [
        "completed block embedded/0/4294967297, which a crash had left half stored"
    ]
    (counted,) = warehouse.query("SELECT received, counted, conflict, rejected FROM receipts").to_pylist()
    assert counted == {"received": 2, "counted": 0, "conflict": 1, "rejected": 1}
    assert warehouse.check() == []
    assert warehouse.recover("embedded/") == []


def test_recovery_leaves_the_very_rows_an_undisturbed_write_leaves(warehouse: Warehouse) -> None:
    cut = block(GENERATION + 1)
    write(warehouse, cut, "ledger", "rejects", "days")
    warehouse.recover("embedded/")
    recovered = sums(warehouse)

    warehouse.insert_block(cut)

    assert sums(warehouse) == recovered


@pytest.mark.parametrize("table", ["tag_days", "cells", "days", "event_ids", "receipts"])
def test_a_part_lost_after_its_token_was_noted_is_rebuilt(warehouse: Warehouse, table: str) -> None:
    warehouse.insert_block(block(GENERATION + 1))
    cut = block(GENERATION + 2)
    write(warehouse, cut, *ORDER[:-1], table) if table == "receipts" else write(warehouse, cut, *ORDER[:-1])
    lost = {"cells": "quarter", "event_ids": "received"}.get(table, "day")
    condition = "block = 4294967298" if table == "receipts" else f"{lost} >= '2000-01-01'"
    warehouse.command(f"ALTER TABLE {table} DELETE WHERE {condition} SETTINGS mutations_sync = 2")

    warehouse.recover("embedded/")

    assert warehouse.check() == []


def test_only_the_partitions_asked_for_are_recovered(warehouse: Warehouse) -> None:
    write(warehouse, block(GENERATION + 1), "ledger")

    assert warehouse.recover("usage/") == []
    assert len(warehouse.recover("embedded/")) == 1


def test_the_last_offset_counts_what_any_table_holds(warehouse: Warehouse) -> None:
    assert warehouse.last_offset("embedded/") is None

    warehouse.insert_block(block(3))
    assert warehouse.last_offset("embedded/") == 3
    write(warehouse, block(GENERATION + 7), "rejects")
    assert warehouse.last_offset("embedded/") == GENERATION + 7
    assert warehouse.last_offset("usage/") is None
