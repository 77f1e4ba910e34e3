"""A budgets worker over a log in memory: whatever is cut off when, every budget says what its entries add up to."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from outlay_schemas.arrow import CELLS
from outlay_schemas.block import Block
from outlay_schemas.budgets import BudgetState, decode_state, read_record_key
from outlay_schemas.catalog import Catalog
from outlay_streams.catalog.rules import CatalogSnapshot
from outlay_streams.runtime.faust_budgets.errors import Stood
from outlay_streams.runtime.faust_budgets.keys import Keys
from outlay_streams.runtime.faust_budgets.metrics import BudgetsMetrics
from outlay_streams.runtime.faust_budgets.ports import Received
from outlay_streams.runtime.faust_budgets.worker import Worker
from outlay_streams.wire import Mark, encode_cells
from tests import builders

ORG, NOON = "acme", builders.NOON
ALL: dict[str, Any] = {"id": "all", "amount": "9", "cadence": "month"}
RED: dict[str, Any] = {"id": "red", "amount": "9", "cadence": "day", "scope": {"team": "red"}}


class CutOffError(Exception):
    """The process ended here."""


@dataclass
class World:
    """One partition of cells, what brokers and store hold, and one worker at a time."""

    budgets: list[dict[str, Any]] = field(default_factory=lambda: [ALL])
    version: int = 1
    blocks: list[Block] = field(default_factory=list)
    records: list[Received] = field(default_factory=list)
    first: int = 0
    rows: dict[bytes, bytes] = field(default_factory=dict)
    states: dict[bytes, bytes] = field(default_factory=dict)
    acknowledged: set[int] = field(default_factory=set)
    told: list[str] = field(default_factory=list)
    keys: Keys = field(default_factory=lambda: Keys(1, lambda _org: 0))
    writes: int | None = None
    """So many writes succeed before the process ends; None is all."""
    worker: Worker = field(init=False)
    place: int = 0

    async def begin(self, *, stand_seconds: float = 1e9) -> None:
        """Start a worker where the group would go on."""
        self.writes = None
        self.worker = Worker(
            Log(self),
            catalog_of=lambda org: CatalogSnapshot(
                org, self.version, Catalog.model_validate({"budgets": self.budgets})
            ),
            orgs=lambda: [ORG],
            metrics=BudgetsMetrics(CollectorRegistry()),
            reading=threading.Event(),
            stand_seconds=stand_seconds,
        )
        self.worker.outlet = self
        committed = next(number for number in range(len(self.records) + 1) if number not in self.acknowledged)
        self.place = max(committed, self.first)
        await self.worker.given({0: dict(self.rows)})

    def write(self, source: int, team: str, cents: int | None) -> None:
        """Have a meter write a block and its cells."""
        number = len(self.records)
        status = {"status": "unpriced", "amount": None} if cents is None else {"amount": Decimal(cents) / 100}
        entry = {"id": f"e{number}", "org": ORG, "team": team, "time": NOON - timedelta(days=number % 3), **status}
        block = builders.block(builders.entries(entry), partition=f"spend/{source}", offset=number)
        self.blocks.append(block)
        mark = Mark(block.partition, block.offset)
        value, headers = encode_cells(block.cells), dict(mark.headers())
        self.records.append(
            Received(partition=0, offset=number, org=ORG, headers=headers, value=value, at=NOON, event=number)
        )

    async def read(self, skip: int = 0) -> None:
        """Hand the worker its next record, passing `skip` over."""
        if (at := self.place + skip) < len(self.records):
            self.place = at + 1
            await self.worker.receive(self.records[at])

    def look(self) -> None:
        """Have the store, which holds everything, answer what the worker asks."""
        for shelf, org in self.worker.timeless():
            if self.blocks:
                shelf.tell_time(org, NOON)
        for shelf, org, start in self.worker.starts():
            stored = {block.partition: block.offset for block in self.blocks}
            limits = {**stored, **start.marks}
            past = [block.cells for block in self.blocks if block.offset <= limits[block.partition]]
            self.worker.begin(shelf, org, start, pa.concat_tables([CELLS.empty_table(), *past]), limits)

    def declare(self, budgets: list[dict[str, Any]]) -> None:
        self.budgets, self.version = budgets, self.version + 1
        self.worker.replace(ORG)

    def expire(self) -> None:
        """Let the brokers delete every record there is, read or not."""
        self.first = len(self.records)
        self.place = max(self.place, self.first)

    async def settle(self) -> dict[str, BudgetState]:
        """Let the worker do all there is to do after one more record, and return what is published."""
        self.write(0, "red", 1)
        while self.place < len(self.records):
            await self.read()
        self.look()
        await self.worker.publish(windows=True)
        await self.worker.keep()
        assert self.acknowledged >= set(range(self.first, len(self.records)))
        found = [decode_state(read_record_key(key)[1], value) for key, value in self.states.items()]
        return {state.budget.id: state for state in found if isinstance(state, BudgetState)}

    def assert_exact(self, found: Mapping[str, BudgetState]) -> None:
        assert found.keys() == {budget["id"] for budget in self.budgets}
        entries = pa.concat_tables([block.entries for block in self.blocks]).to_pylist() if self.blocks else []
        for budget in self.budgets:
            mine = [row for row in entries if budget["id"] == "all" or row["team"] == "red"]
            for spent in found[budget["id"]].periods:
                within = [row for row in mine if spent.start <= row["time"] < spent.end]
                amounts = [row["amount"] for row in within if row["amount"] is not None]
                assert (spent.entries, spent.unpriced) == (len(within), len(within) - len(amounts))
                assert spent.amount == sum(amounts, Decimal(0))

    # what the worker sees of the brokers

    async def keep(self, _partition: int, rows: Mapping[bytes, bytes | None]) -> None:
        self._written(self.rows, rows, "keep")

    async def publish(self, states: Mapping[bytes, bytes | None]) -> None:
        self._written(self.states, states, "publish")

    def acknowledge(self, cells: Received) -> None:
        self.told.append("acknowledge")
        self.acknowledged.add(cells.offset)

    def _written(self, there: MutableMapping[bytes, bytes], written: Mapping[bytes, bytes | None], what: str) -> None:
        for key, value in written.items():
            if self.writes == 0:
                raise CutOffError
            self.writes = None if self.writes is None else self.writes - 1
            there.pop(key, None)
            if value is not None:
                there[key] = value
        self.told.append(what)


class Log:
    """The log beside the group."""

    def __init__(self, world: World) -> None:
        self._world = world

    def first(self, partitions: Collection[int]) -> Mapping[int, int]:
        return dict.fromkeys(partitions, self._world.first)

    def read(self, _partition: int, start: int, end: int) -> list[Received]:
        return [cells for cells in self._world.records if max(start, self._world.first) <= cells.offset < end]


STEPS = st.one_of(
    st.tuples(st.just("write"), st.integers(0, 1), st.sampled_from(["red", "blue"]), st.none() | st.integers(0, 999)),
    st.tuples(st.just("read"), st.sampled_from([0, 0, 0, 1])),
    st.tuples(st.sampled_from(["publish", "keep", "look", "end", "expire"])),
    st.tuples(st.just("cut"), st.integers(0, 5)),
    st.tuples(st.just("declare"), st.sampled_from([[ALL], [RED], [ALL, RED]])),
)


async def _live(steps: list[tuple[Any, ...]]) -> None:
    world = World()
    await world.begin()
    for kind, *arguments in steps:
        match kind:
            case "write":
                world.write(*arguments)
            case "read":
                await world.read(*arguments)
            case "publish":
                await world.worker.publish(windows=True)
            case "keep":
                await world.worker.keep()
            case "look":
                world.look()
            case "declare":
                world.declare(*arguments)
            case "end":
                await world.begin()
            case "expire":
                world.expire()
            case "cut":
                (world.writes,) = arguments
                with pytest.raises(CutOffError):
                    await _until_cut(world)
                await world.begin()
    world.assert_exact(await world.settle())


async def _until_cut(world: World) -> None:
    await world.worker.publish(windows=True)
    await world.worker.keep()
    raise CutOffError


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=30))
def test_totals_are_exact_whatever_is_cut_off_passed_over_or_declared(steps: list[tuple[Any, ...]]) -> None:
    asyncio.run(_live(steps))


async def test_rows_are_kept_before_states_are_published_and_cells_acknowledged_last() -> None:
    world = World()
    await world.begin()
    world.write(0, "red", 5)
    await world.read()
    await world.worker.keep()
    assert list(dict.fromkeys(world.told)) == ["keep", "publish", "acknowledge"]


async def test_nothing_is_written_while_partitions_are_given_away() -> None:
    world = World()
    await world.begin()
    world.write(0, "red", 5)
    await world.read()
    await world.worker.taken()
    await world.read()
    await world.worker.publish(windows=True)
    await world.worker.keep()
    assert world.told == []


async def test_a_process_that_stood_still_writes_nothing() -> None:
    world = World()
    await world.begin(stand_seconds=-1.0)
    world.write(0, "red", 5)
    await world.read()
    with pytest.raises(Stood, match="start it again"):
        await world.worker.keep()
    assert world.told == []


async def test_a_catalog_that_changes_while_partitions_come_is_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    await world.begin()
    await world.worker.publish(windows=True)

    def first(log: Log, partitions: Collection[int]) -> Mapping[int, int]:
        world.declare([ALL, RED])
        return dict.fromkeys(partitions, 0)

    monkeypatch.setattr(Log, "first", first)
    await world.worker.given({0: dict(world.rows)})
    await world.worker.publish(windows=True)
    assert {read_record_key(key)[1] for key in world.states} == {"budget:all", "budget:red"}
