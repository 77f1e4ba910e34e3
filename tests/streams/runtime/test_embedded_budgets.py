"""Books beside the one writer say what its store holds, whatever happens between; and never stop it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outlay_infra.errors import StoreUnavailable
from outlay_infra.warehouse import Warehouse
from outlay_schemas.block import Block
from outlay_schemas.budgets import Budget
from outlay_schemas.calendar import Period
from outlay_schemas.catalog import Catalog, Organisation
from outlay_streams.budgets import BudgetsUnknown
from outlay_streams.catalog.rules import CatalogSnapshot
from outlay_streams.runtime import embedded_budgets
from outlay_streams.runtime.embedded_budgets import EmbeddedBudgets
from tests.builders import NOON, block, entries
from tests.streams.budgets.ledger import counts, total
from tests.streams.budgets.test_book import budgets, rows

_numbers = itertools.count(1)


class World:
    """One organisation with its store, its books, and every entry it ever had."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.org = f"org-{next(_numbers)}"
        self.declared: tuple[Budget, ...] = ()
        self.zone = "Europe/Berlin"
        self.version = 0
        self.rows: list[dict[str, Any]] = []
        self.instant = NOON
        self.start()

    def now(self) -> datetime:
        return self.instant

    def start(self) -> None:
        self.books = EmbeddedBudgets(self.warehouse, self.warehouse, clock=self, declared=self.snapshot)

    def snapshot(self, org: str) -> CatalogSnapshot:
        organisation = Organisation(reporting_zone=self.zone)
        return CatalogSnapshot(org, self.version, Catalog(organisation=organisation, budgets=self.declared))

    def declare(self, declared: list[Budget], zone: str = "Europe/Berlin") -> None:
        self.declared, self.zone, self.version = tuple(declared), zone, self.version + 1
        self.books.declare(self.org)

    def block(self, some: list[dict[str, Any]]) -> Block:
        offset = next(_numbers)
        stamped = [
            {
                "id": f"{offset}-{number}",
                "team": row["team"],
                "model": row["model"],
                "amount": row["amount"],
                "status": "unpriced" if row["amount"] is None else "priced",
                "reason": "unknown_model" if row["amount"] is None else "",
                "time": self.instant - timedelta(seconds=row["ago"]),
            }
            for number, row in enumerate(some)
        ]
        self.rows += stamped
        return block(entries(*stamped, org=self.org, received=self.instant), offset=offset, received=self.instant)

    def insert(self, some: list[dict[str, Any]]) -> None:
        self.books.insert_block(self.block(some))

    def assert_exact(self) -> None:
        states = self.books.states(self.org)
        assert [state.budget for state in states] == list(self.declared)
        for state in states:
            assert not state.starting
            assert (state.version, state.zone) == (self.version, state.budget.zone or self.zone)
            for spent in state.periods:
                assert spent == self.spent(state.budget, spent.period)
            current = state.budget.calendar(self.snapshot(self.org).catalog.organisation.zone).period_of(self.instant)
            assert state.spent(self.instant) == (None if current is None else self.spent(state.budget, current))

    def spent(self, budget: Budget, period: Period) -> Any:
        found = [row for row in self.rows if counts(budget, row) and row["time"] in period]
        return total(found, period.start, period.end)


@pytest.fixture
def world(warehouse: Warehouse) -> World:
    return World(warehouse)


steps = st.one_of(
    st.tuples(st.just("block"), st.lists(rows, min_size=1, max_size=4)),
    st.tuples(st.just("declare"), budgets),
    st.tuples(st.just("restart"), st.none()),
    st.tuples(st.just("wait"), st.sampled_from([60, 7_200, 86_400, 40 * 86_400])),
    st.tuples(st.just("ask"), st.none()),
)


@given(st.lists(steps, min_size=2, max_size=9))
@settings(max_examples=20, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_budget_equals_a_sum_over_the_ledger(warehouse: Warehouse, taken: list[Any]) -> None:
    world = World(warehouse)
    for step, value in taken:
        match step:
            case "block":
                world.insert(value)
            case "declare":
                world.declare(value)
            case "restart":
                world.start()
            case "wait":
                world.instant += timedelta(seconds=value)
            case _:
                world.assert_exact()
    world.assert_exact()
    windows = world.books.windows(world.org)
    world.start()
    again = world.books.windows(world.org)
    since = world.instant - timedelta(hours=47)
    assert [[each for each in team.hours if each.start > since] for team in windows if team.at > since] == [
        [each for each in team.hours if each.start > since] for team in again
    ]


ROW = {"team": "search", "model": "gpt-5", "amount": Decimal(1), "ago": 0}
ALL = Budget(id="all", amount=Decimal(10), cadence="day")  # type: ignore[arg-type]


class Breaking:
    """A store that fails at will."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self.away = False

    def insert_block(self, stored: Block, /, *, durable: Any) -> Any:
        if self.away:
            raise StoreUnavailable("away")
        return self._warehouse.insert_block(stored, durable=durable)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._warehouse, name)


def test_while_a_blocks_fate_is_open_nothing_is_told_and_then_all_is(world: World) -> None:
    world.declare([ALL])
    world.insert([ROW])
    ledger = Breaking(world.warehouse)
    world.books = EmbeddedBudgets(ledger, world.warehouse, clock=world, declared=world.snapshot)  # type: ignore[arg-type]
    world.assert_exact()
    ledger.away = True
    lost, world.rows = world.block([ROW, ROW]), world.rows[:1]
    with pytest.raises(StoreUnavailable):
        world.books.insert_block(lost)
    with pytest.raises(BudgetsUnknown, match="a block waits for the store"):
        world.books.states(world.org)
    world.books.recover("embedded/")
    world.assert_exact()


def test_a_block_that_the_store_holds_up_holds_no_question_for_long(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.declare([ALL])
    world.insert([ROW])
    monkeypatch.setattr(embedded_budgets, "PATIENCE", 0.0)
    with ThreadPoolExecutor(1) as writer:
        with world.warehouse._still():  # as a rebuild or retention does
            storing = writer.submit(world.insert, [ROW])
            while not world.books._using.locked():
                pass
            for ask in (world.books.states, world.books.windows):
                with pytest.raises(BudgetsUnknown, match="busy"):
                    ask(world.org)
        storing.result()
    world.assert_exact()


def test_a_fault_of_budgets_stops_no_block_and_is_mended_when_they_are_wanted(world: World) -> None:
    world.declare([ALL])
    world.insert([ROW])
    broken = True

    def declared(org: str) -> CatalogSnapshot:
        if broken:
            raise RuntimeError("no catalog")
        return world.snapshot(org)

    world.books = EmbeddedBudgets(world.warehouse, world.warehouse, clock=world, declared=declared)
    world.insert([ROW])
    broken = False
    world.assert_exact()
    faulty = world.block([ROW])
    world.books._books[world.org].apply = lambda *_, **__: 1 / 0  # type: ignore[method-assign, assignment]
    world.books.insert_block(faulty)
    world.assert_exact()


def test_another_reporting_zone_moves_the_periods_that_follow_it(world: World) -> None:
    world.declare([ALL, Budget(id="own", amount=Decimal(1), cadence="day", zone="Asia/Tokyo")])  # type: ignore[arg-type]
    world.insert([{**ROW, "ago": hours * 3600} for hours in range(0, 40, 3)])
    world.assert_exact()
    world.declare(list(world.declared), zone="America/New_York")
    world.assert_exact()


def test_blocks_of_other_organisations_are_not_its(world: World) -> None:
    world.declare([ALL])
    other = entries({"id": "other", "org": "other-org", "amount": Decimal(5)}, {"id": "mine", "org": world.org})
    world.rows.append({"time": NOON, "team": "unallocated", "model": "gpt-5-mini", "amount": Decimal("0.001")})
    world.books.insert_block(block(other, offset=next(_numbers)))
    world.assert_exact()


def test_what_the_writer_asks_of_the_ledger_is_answered_by_it(world: World) -> None:
    stored = world.block([ROW])
    world.books.insert_block(stored)
    ids = stored.ids["id_hash"].combine_chunks()
    assert world.books.find_ids(ids).num_rows == 1
    recent: Iterator[pa.Table] = world.books.recent_ids(NOON - timedelta(days=1), 10)
    assert sum(part.num_rows for part in recent) == 1
    world.books.save_prices([])
    assert world.books.recover("embedded/") == []
    world.assert_exact()
