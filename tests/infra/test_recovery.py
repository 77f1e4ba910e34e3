"""Whatever a crash cut off of a block, recovery completes it from the ledger, once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from outlay_infra.errors import StoreError, StoreInUse, StoreUnavailable
from outlay_infra.warehouse import ReadLimits, Warehouse
from outlay_infra.warehouse.loading.shares import BETWEEN, LEDGER, RECEIPTS, shares
from outlay_infra.warehouse.writing import BEGUN_BLOCKS
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


def write(warehouse: Warehouse, block: Block, *tables: str, marks: bool = True) -> None:
    """Write the block into these tables only, as a process killed on the way would; one of old leaves no marks."""
    for target in (LEDGER, *BETWEEN, RECEIPTS):
        if target.table in tables:
            rows = [share.rows for share in shares(target, [block])] if marks else [target.rows(block)]
            for part in rows:
                warehouse.insert(target.table, part, token=block.token)


def sums(warehouse: Warehouse) -> dict[str, object]:
    return {
        table: warehouse.query(
            f"SELECT {'sum(amount)' if table in SUMMED else 'NULL'} AS amount,"
            f" {'sum(entries)' if table in SUMMED else 'count()'} AS n FROM {table} WHERE org != ''"
        ).to_pylist()
        for table in ORDER
    }


@pytest.mark.parametrize("marks", [True, False], ids=["marked", "of an earlier version"])
@pytest.mark.parametrize("stored", range(1, len(ORDER)))
def test_a_block_cut_short_anywhere_is_completed(warehouse: Warehouse, stored: int, *, marks: bool) -> None:
    whole, cut = block(GENERATION + 1), block(GENERATION + 2)
    warehouse.insert_block(whole)
    write(warehouse, cut, *ORDER[:stored], marks=marks)

    lines = warehouse.recover("embedded/")

    assert lines[0] == "completed block embedded/0/4294967298, which a crash had left half stored"
    assert lines[1:] == [] or not marks
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


def entries_alone(offset: int) -> Block:
    """A block in which every event is new, so that it is acknowledged before all of it is stored."""
    return builders.block(builders.entries({"id": f"a{offset}", "amount": "1.5", "tags": {"a": "b"}}), offset=offset)


class Crash(Exception):  # noqa: N818 - reads as what it is
    """The process ends here."""


def test_a_block_acknowledged_before_a_crash_is_completed(warehouse: Warehouse) -> None:
    def crash() -> bool:
        raise Crash

    with pytest.raises(Crash):
        warehouse.insert_block(entries_alone(GENERATION + 1), durable=crash)
    assert warehouse.query("SELECT count() AS n FROM cells")["n"].to_pylist() == [0]

    assert warehouse.recover("embedded/") == [
        "completed block embedded/0/4294967297, which a crash had left half stored"
    ]

    assert warehouse.check() == []
    assert warehouse.query("SELECT sum(received) AS n FROM receipts")["n"].to_pylist() == [1]
    assert warehouse.query("SELECT sum(entries) AS n FROM tag_days WHERE org != ''")["n"].to_pylist() == [1]


@pytest.mark.parametrize(
    "more", [{"duplicates": 1}, {"rejects": [{"id": "r"}]}, {"rejects": [{"id": "c", "outcome": "conflict"}]}]
)
def test_what_its_entries_do_not_tell_is_acknowledged_at_the_end(warehouse: Warehouse, more: dict[str, Any]) -> None:
    told: list[bool] = []
    mixed = builders.block(builders.entries(), offset=GENERATION + 1, **more)

    warehouse.insert_block(mixed, durable=lambda: bool(told.append(True)))

    assert told == []


def test_a_question_is_answered_with_what_was_acknowledged_before_it(warehouse: Warehouse) -> None:
    reader = warehouse.reader(ReadLimits())
    asked: list[Future[int]] = []

    def counted() -> int:
        found: int = reader.query("SELECT sum(entries) AS n FROM cells WHERE org != ''")["n"][0].as_py()
        return found

    with ThreadPoolExecutor(1) as pool:
        for number in range(1, 6):
            warehouse.insert_block(
                entries_alone(GENERATION + number), durable=lambda: bool(asked.append(pool.submit(counted)))
            )

    assert [answer.result() for answer in asked] == [1, 2, 3, 4, 5]


def test_no_answer_lacks_a_block_that_failed_after_it_was_acknowledged(warehouse: Warehouse) -> None:
    reader = warehouse.reader(ReadLimits())
    warehouse.command("RENAME TABLE days TO away")
    told: list[bool] = []
    with pytest.raises(StoreError):
        warehouse.insert_block(entries_alone(GENERATION + 1), durable=lambda: bool(told.append(True)))
    warehouse.command("RENAME TABLE away TO days")

    assert told == [True]
    with pytest.raises(StoreUnavailable, match="what was acknowledged waits for the store"):
        reader.query("SELECT sum(entries) AS n FROM days WHERE org != ''")
    with pytest.raises(StoreUnavailable, match="waits for the store"):
        warehouse.repair("days", "202605")
    warehouse.finish_blocks([entries_alone(GENERATION + 1)])
    assert reader.query("SELECT sum(entries) AS n FROM days WHERE org != ''")["n"].to_pylist() == [1]
    assert warehouse.check() == []


def test_a_rebuilt_table_keeps_the_marks_of_blocks_to_be_finished(warehouse: Warehouse) -> None:
    cut = block(GENERATION + 1)
    write(warehouse, cut, "ledger")
    for table in ("cells", "days", "tag_days"):
        for month in ("202603", "202605"):
            warehouse.repair(table, month)

    warehouse.finish_blocks([cut])

    assert warehouse.check() == []


def test_the_rest_of_small_blocks_is_stored_together_later(warehouse: Warehouse) -> None:
    left = [
        warehouse.insert_block(entries_alone(GENERATION + number), durable=lambda: True)
        for number in range(1, BEGUN_BLOCKS)
    ]
    assert left == [True] * (BEGUN_BLOCKS - 1)
    assert warehouse.query("SELECT count() AS n FROM receipts")["n"].to_pylist() == [0]

    assert not warehouse.insert_block(entries_alone(GENERATION + BEGUN_BLOCKS), durable=lambda: True)

    assert warehouse.query("SELECT count() AS n FROM receipts")["n"].to_pylist() == [BEGUN_BLOCKS]
    assert warehouse.check() == []


def test_what_was_left_for_later_is_stored_when_asked_to_or_with_the_next_block(warehouse: Warehouse) -> None:
    assert warehouse.insert_block(entries_alone(GENERATION + 1), durable=lambda: True)
    warehouse.complete_blocks()
    assert warehouse.query("SELECT count() AS n FROM receipts")["n"].to_pylist() == [1]

    assert warehouse.insert_block(entries_alone(GENERATION + 2), durable=lambda: True)
    assert not warehouse.insert_block(block(GENERATION + 3), durable=lambda: True)

    assert warehouse.query("SELECT uniqExact(block) AS n FROM receipts")["n"].to_pylist() == [3]
    assert warehouse.check() == []


def test_a_check_sees_nothing_left_for_later(warehouse: Warehouse) -> None:
    assert warehouse.insert_block(entries_alone(GENERATION + 1), durable=lambda: True)
    with ThreadPoolExecutor(1) as pool:
        checking = pool.submit(warehouse.check)
        warehouse.complete_blocks()
        assert checking.result() == []


@pytest.mark.parametrize("failing", ["tag_days", "cells", "days", "event_ids", "receipts", None])
def test_blocks_left_for_later_by_a_crash_are_completed(warehouse: Warehouse, failing: str | None) -> None:
    for number in range(1, 4):
        assert warehouse.insert_block(entries_alone(GENERATION + number), durable=lambda: True)
    if failing:
        warehouse.command(f"RENAME TABLE {failing} TO away")
        with pytest.raises(StoreError):
            warehouse.complete_blocks()
        warehouse.command(f"RENAME TABLE away TO {failing}")

    mended = warehouse.recover("embedded/")

    assert mended == [
        f"completed block embedded/0/{GENERATION + number}, which a crash had left half stored" for number in (1, 2, 3)
    ]
    assert warehouse.check() == []
    assert warehouse.query("SELECT sum(received) AS n FROM receipts")["n"].to_pylist() == [3]


@pytest.mark.parametrize("carried_out", ["meanwhile", "later"])
def test_inserts_without_an_answer_that_are_carried_out_after_all_count_once(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, carried_out: str
) -> None:
    """Two blocks that do not go into the same tables and months are completed together."""
    earlier = builders.NOON - timedelta(days=40)
    plain = builders.block(builders.entries({"id": "a", "amount": "1.5"}), offset=GENERATION + 1)
    tagged = builders.block(
        builders.entries({"id": "b", "amount": "1.5", "tags": {"a": "b"}, "time": earlier}), offset=GENERATION + 2
    )
    insert, lost = warehouse._engine.insert, list[tuple[Any, ...]]()

    def unanswered(table: str, rows: Any, *, token: str | None = None) -> None:
        if table in SUMMED:
            lost.append((table, rows, token))
            raise StoreUnavailable("the connection was lost")
        insert(table, rows, token=token)

    assert warehouse.insert_block(plain, durable=lambda: True)
    monkeypatch.setattr(warehouse._engine, "insert", unanswered)
    with pytest.raises(StoreUnavailable):
        warehouse.insert_block(tagged)
    monkeypatch.setattr(warehouse._engine, "insert", insert)

    if carried_out == "later":
        warehouse.finish_blocks([plain, tagged])
    for table, rows, token in lost:
        insert(table, rows, token=token)
    if carried_out == "meanwhile":
        warehouse.finish_blocks([plain, tagged])

    assert {table for table, _, _ in lost} == SUMMED
    assert warehouse.check() == []


def test_a_failure_that_nobody_was_acknowledged_for_holds_no_question_back(warehouse: Warehouse) -> None:
    reader = warehouse.reader(ReadLimits())
    warehouse.insert_block(entries_alone(GENERATION + 1))
    warehouse.command("RENAME TABLE ledger TO away")
    with pytest.raises(StoreError):
        warehouse.insert_block(entries_alone(GENERATION + 2))
    warehouse.command("RENAME TABLE away TO ledger")

    assert reader.query("SELECT sum(entries) AS n FROM days WHERE org != ''")["n"].to_pylist() == [1]


@pytest.mark.parametrize("step", ["settle", "complete_blocks", "insert_block"])
def test_a_writer_that_lost_its_right_leaves_its_blocks_to_the_next(
    open_warehouse: Callable[..., Warehouse], step: str
) -> None:
    before = open_warehouse()
    after = open_warehouse(before.database)
    for number in (1, 2):
        assert before.insert_block(entries_alone(GENERATION + number), durable=lambda: True)
    before.may_write = lambda: False
    after.recover("embedded/")

    if step == "settle":
        before.settle()
    elif step == "complete_blocks":
        with pytest.raises(StoreInUse):
            before.complete_blocks()
    else:
        with pytest.raises(StoreInUse):  # it lost its right while the entries went in
            before.insert_block(entries_alone(GENERATION + 3))
        after.recover("embedded/")

    assert after.check() == []
    assert after.query("SELECT sum(entries) AS n FROM tag_days WHERE org != ''")["n"].to_pylist() in ([2], [3])
