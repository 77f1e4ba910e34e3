"""What a store says of the past of a budget: whole, at marks, and only once it can tell."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from outlay_infra.warehouse import Warehouse
from outlay_infra.warehouse.budget_past import past_at, received_minutes, stored_marks, whole_past
from tests.builders import NOON, block, entries

EDGES = [NOON - timedelta(days=2), NOON - timedelta(hours=1), NOON + timedelta(days=1)]


def store(warehouse: Warehouse, source: str, offset: int, *rows: dict[str, Any], received: datetime = NOON) -> None:
    named = [{"id": f"{source}/{offset}/{number}", "received": received, **row} for number, row in enumerate(rows)]
    warehouse.insert_block(block(entries(*named), partition=source, offset=offset, received=received))


@pytest.fixture
def filled(warehouse: Warehouse) -> Warehouse:
    store(warehouse, "spend/0", 3, {"amount": "1", "team": "search"}, {"amount": "2", "team": "ads", "org": "other"})
    store(
        warehouse,
        "spend/0",
        7,
        {"amount": "0.000000000004", "team": "search", "time": EDGES[1] - timedelta(milliseconds=1)},
        {"amount": "-8", "team": "ads", "time": EDGES[1]},
        {"amount": None, "status": "unpriced", "reason": "unknown_model", "team": "ads"},
    )
    store(
        warehouse,
        "spend/1",
        5,
        {"amount": "16", "team": "search"},
        {"amount": "32", "team": "search", "time": EDGES[0] - timedelta(milliseconds=1)},
        {"amount": "64", "team": "search", "time": EDGES[2]},
    )
    return warehouse


def listed(past: Any) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in past.sums.to_pylist()]


def test_all_that_is_stored_is_summed_between_edges(filled: Warehouse) -> None:
    past = whole_past(filled, "acme", ("team",), EDGES)
    assert listed(past) == [
        (EDGES[0], "search", "priced", Decimal("0.000000000004"), 1),
        (EDGES[1], "ads", "priced", Decimal(-8), 1),
        (EDGES[1], "ads", "unpriced", Decimal(0), 1),
        (EDGES[1], "search", "priced", Decimal(17), 2),
    ]
    assert past.marks == stored_marks(filled) == {"spend/0": 7, "spend/1": 5}


def test_at_marks_only_the_blocks_up_to_them_are_summed_and_of_other_sources_all(filled: Warehouse) -> None:
    past = past_at(filled, "acme", (), EDGES, {"spend/0": 6})
    assert past is not None
    assert listed(past) == [(EDGES[1], "priced", Decimal(17), 2)]
    assert past.marks == {"spend/0": 6, "spend/1": 5}
    whole = past_at(filled, "acme", ("team",), EDGES, {})
    assert whole is not None
    assert listed(whole) == listed(whole_past(filled, "acme", ("team",), EDGES))


def test_a_mark_before_the_first_block_includes_none_of_the_source(filled: Warehouse) -> None:
    past = past_at(filled, "acme", ("team",), EDGES, {"spend/0": -1, "spend/1": 4})
    assert past is not None
    assert listed(past) == []


def test_a_store_that_has_not_reached_a_mark_cannot_tell_yet(filled: Warehouse) -> None:
    assert past_at(filled, "acme", (), EDGES, {"spend/0": 8}) is None
    assert past_at(filled, "acme", (), EDGES, {"spend/2": 0}) is None


def test_without_edges_or_blocks_there_is_nothing(warehouse: Warehouse) -> None:
    assert listed(whole_past(warehouse, "acme", ("team", "model"), [])) == []
    nothing = past_at(warehouse, "acme", ("team",), EDGES, {})
    assert nothing is not None
    assert (listed(nothing), nothing.marks) == ([], {})


def test_minutes_are_those_of_receipt(filled: Warehouse) -> None:
    store(filled, "spend/1", 9, {"amount": "3", "team": "search", "time": NOON - timedelta(days=400)}, received=NOON)
    store(filled, "spend/1", 10, {"amount": "5", "team": "search"}, received=NOON + timedelta(seconds=61))
    past = received_minutes(filled, "acme", NOON - timedelta(hours=1))
    assert [tuple(row.values()) for row in past.sums.to_pylist()] == [
        (NOON, "ads", Decimal(-8), 2, 1),
        (NOON, "search", Decimal("116.000000000004"), 6, 0),
        (NOON + timedelta(minutes=1), "search", Decimal(5), 1, 0),
    ]
    assert past.marks == {"spend/0": 7, "spend/1": 10}
    later = received_minutes(filled, "acme", NOON + timedelta(minutes=1))
    assert later.sums.num_rows == 1


def test_months_that_retention_took_are_what_cells_say_without_what_came_after_the_marks(warehouse: Warehouse) -> None:
    long_ago = NOON - timedelta(days=100)
    edges = [NOON - timedelta(days=200), NOON + timedelta(days=1)]
    store(warehouse, "spend/0", 1, {"amount": "1000", "time": long_ago}, received=long_ago)
    store(warehouse, "spend/0", 2, {"amount": "7"})
    warehouse.retention(NOON.date(), raw_days=30, rejects_days=None)
    store(warehouse, "spend/0", 3, {"amount": "20", "time": long_ago})
    store(warehouse, "spend/1", 1, {"amount": "300", "time": long_ago})
    for marks, total, counted in (
        ({"spend/0": 2, "spend/1": -1}, 1007, 2),
        ({"spend/0": 3, "spend/1": -1}, 1027, 3),
        ({"spend/0": 2}, 1307, 3),
    ):
        past = past_at(warehouse, "acme", (), edges, marks)
        assert past is not None
        assert listed(past) == [(edges[0], "priced", Decimal(total), counted)]


def test_a_month_that_is_being_forgotten_cannot_be_told_of_yet(filled: Warehouse) -> None:
    month = f"{NOON:%Y%m}"
    filled.command("INSERT INTO expired (month, org) VALUES ({month:UInt32}, 'acme')", {"month": int(month)})
    assert past_at(filled, "acme", (), EDGES, {}) is not None
    filled.command(f"CREATE TABLE expired_{month}_0123abcd AS ledger")
    assert past_at(filled, "acme", (), EDGES, {}) is None
    filled.command(f"DROP TABLE expired_{month}_0123abcd SYNC")
    filled.command("ALTER TABLE receipts DELETE WHERE block = 3 SETTINGS mutations_sync = 2")
    assert past_at(filled, "acme", (), EDGES, {}) is None
