"""Entries are forgotten beside loaders: nothing is lost, nothing is counted twice, whenever a run is cut short."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest

from outlay_infra.errors import StoreError
from outlay_infra.warehouse import Warehouse, shared, shared_retention
from outlay_infra.warehouse.engine import Engine
from outlay_infra.warehouse.shared import SharedWarehouse
from tests import builders

TODAY, DAYS = date(2026, 8, 1), 80
MONTHS_AGO = builders.NOON - timedelta(days=40)


@pytest.fixture
def store(warehouse: Warehouse, engine_dsn: str) -> Any:
    with SharedWarehouse.open(engine_dsn, database=warehouse.database) as found:
        yield found


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "PAUSE_SECONDS", 0.0)


def fill(warehouse: Warehouse, offset: int) -> None:
    """Store a block of three entries, two of them months old."""
    rows = [{"id": f"{offset}-{place}", "time": MONTHS_AGO if place else builders.NOON} for place in range(3)]
    warehouse.insert_block(builders.block(builders.entries(*rows), offset=offset))


def expired(warehouse: Warehouse) -> int:
    return int(warehouse.query("SELECT toInt64(sum(entries)) AS n FROM expired")["n"][0].as_py())


def left(warehouse: Warehouse) -> int:
    return int(warehouse.query("SELECT count() AS n FROM ledger")["n"][0].as_py())


def asides(warehouse: Warehouse) -> list[str]:
    return warehouse.query(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, 'expired_')"
    )["name"].to_pylist()


def test_months_are_dropped_and_everything_still_adds_up(warehouse: Warehouse, store: SharedWarehouse) -> None:
    fill(warehouse, 1)
    fill(warehouse, 2)
    month = f"{MONTHS_AGO:%Y%m}"
    assert store.retention(TODAY, raw_days=DAYS, rejects_days=None) == [f"dropped partition {month} of ledger"]
    assert (expired(warehouse), left(warehouse), asides(warehouse)) == (4, 2, [])
    assert store.retention(TODAY, raw_days=DAYS, rejects_days=None) == []
    assert store.check() == []

    fill(warehouse, 3)  # a back-fill of the same month
    assert store.retention(TODAY, raw_days=DAYS, rejects_days=None) == [f"dropped partition {month} of ledger"]
    assert (expired(warehouse), left(warehouse)) == (6, 3)
    assert store.check() == []


class Cut:
    """A database that fails at the n-th statement that changes something."""

    def __init__(self, engine: Engine, after: int) -> None:
        self._engine = engine
        self._left = after

    def query(self, *arguments: Any) -> pa.Table:
        return self._engine.query(*arguments)

    def everywhere(self, statement: str) -> None:
        self.command(statement)

    def command(self, *arguments: Any) -> None:
        if not self._left:
            raise StoreError("cut short")
        self._left -= 1
        self._engine.command(*arguments)


@pytest.mark.parametrize("after", range(1, 6))
def test_a_run_cut_short_anywhere_is_finished_by_the_next(
    warehouse: Warehouse, store: SharedWarehouse, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(shared_retention, "STALE_SECONDS", -60)
    fill(warehouse, 1)
    database: Any = Cut(store._engine, after)
    with pytest.raises(StoreError, match="cut short"):
        shared_retention.forget(database, TODAY, DAYS)
    for _ in range(2):  # the first finds the lock of the one that was cut short
        store.retention(TODAY, raw_days=DAYS, rejects_days=None)
    assert (expired(warehouse), left(warehouse)) == (2, 1)
    assert store.check() == []


def test_a_block_that_a_loader_is_in_the_midst_of_is_counted_where_it_ends_up(
    warehouse: Warehouse, store: SharedWarehouse
) -> None:
    fill(warehouse, 1)
    kept = warehouse.query("SELECT * FROM receipts")
    warehouse.command("TRUNCATE TABLE receipts")
    assert store.retention(TODAY, raw_days=DAYS, rejects_days=None) == []
    assert (expired(warehouse), left(warehouse), len(asides(warehouse))) == (0, 1, 1)

    open_blocks = [(each.measure, each.expected, each.found) for each in store.check()]
    assert open_blocks == [("counted", 3, 0)]
    warehouse.insert("receipts", kept)
    assert store.check() == []  # a month that lies aside still counts
    warehouse.command("TRUNCATE TABLE receipts")

    (aside,) = asides(warehouse)  # the loader looks, finds its rows gone, and stores them again
    warehouse.command(f"ALTER TABLE ledger ATTACH PARTITION ID '{MONTHS_AGO:%Y%m}' FROM {aside}")
    warehouse.insert("receipts", kept)
    store.retention(TODAY, raw_days=None, rejects_days=None)
    assert (expired(warehouse), left(warehouse), asides(warehouse)) == (0, 3, [])
    assert store.check() == []


def test_one_process_at_a_time_forgets(
    warehouse: Warehouse, store: SharedWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(warehouse, 1)
    with shared_retention._alone(store._engine) as first:
        assert first
        assert store.retention(TODAY, raw_days=DAYS, rejects_days=None) == []
        assert left(warehouse) == 3

    warehouse.command("CREATE TABLE forgetting (held UInt8) ENGINE = Memory")  # of a process that was killed
    monkeypatch.setattr(shared_retention, "STALE_SECONDS", -60)
    assert store.retention(TODAY, raw_days=DAYS, rejects_days=None) == []
    assert len(store.retention(TODAY, raw_days=DAYS, rejects_days=None)) == 1
    assert (expired(warehouse), left(warehouse)) == (2, 1)


def test_what_was_counted_and_not_dropped_is_not_counted_again(warehouse: Warehouse, store: SharedWarehouse) -> None:
    fill(warehouse, 1)
    month = int(f"{MONTHS_AGO:%Y%m}")
    shared_retention._set_aside(store._engine, month)
    (aside,) = asides(warehouse)
    shared_retention._count(store._engine, aside, month)
    shared_retention._count(store._engine, aside, month)
    store.retention(TODAY, rejects_days=None)
    assert (expired(warehouse), asides(warehouse)) == (2, [])


def test_a_lock_whose_answer_was_lost_is_held(warehouse: Warehouse, store: SharedWarehouse) -> None:
    class Unanswered(Cut):
        def command(self, *arguments: Any) -> None:
            self._engine.command(*arguments)
            if not self._left:
                self._left = 1
                raise StoreError("the connection was lost")

    database: Any = Unanswered(store._engine, 0)
    with shared_retention._alone(database) as alone:
        assert alone
    with shared_retention._alone(store._engine) as alone:
        assert alone


def test_a_run_of_hours_leaves_the_lock_of_the_next_alone(
    store: SharedWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_retention, "STALE_SECONDS", -60)
    with ExitStack() as later:
        with shared_retention._alone(store._engine) as slow:
            assert slow
            with shared_retention._alone(store._engine) as second:
                assert not second
            assert later.enter_context(shared_retention._alone(store._engine))
        assert shared_retention._owner(store._engine) is not None
    assert shared_retention._owner(store._engine) is None
