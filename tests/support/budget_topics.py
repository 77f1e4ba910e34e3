"""The topics around a budgets worker, for tests: blocks and their cells in, states out, and sums made by hand."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pyarrow.compute as pc
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from outlay_api.clusterwide.budget_states import BudgetStates
from outlay_infra.catalog_store import CatalogStore
from outlay_infra.kafka import cluster_topics, consumer_config, producer_config
from outlay_infra.kafka.topic_admin import TopicAdmin
from outlay_infra.settings import KafkaSettings, Settings
from outlay_infra.warehouse import Warehouse
from outlay_schemas.block import Block
from outlay_schemas.budgets import BudgetState, encode_state, record_key, row_key
from outlay_schemas.catalog import Catalog
from outlay_streams.budgets import BudgetsUnknown
from outlay_streams.runtime.faust_budgets import run_budgets
from outlay_streams.wire import Mark, encode_block, encode_cells
from tests import builders

PATIENCE = 120.0
_FOR_EVER = 36_000
ORG = "acme"
NOON = builders.NOON

BUDGETS: tuple[dict[str, Any], ...] = (
    {"id": "everything", "amount": "1000", "cadence": "month"},
    {"id": "red", "scope": {"team": "red"}, "amount": "10", "cadence": "day", "zone": "America/New_York"},
    {"id": "small", "scope": {"model": "*-mini", "team": ["green", "blue"]}, "amount": "10", "cadence": "week"},
)


@dataclass
class Running:
    """A worker in a thread."""

    thread: threading.Thread
    stop: threading.Event
    listens: threading.Event = field(default_factory=threading.Event)
    url: str = ""
    failures: list[BaseException] = field(default_factory=list)


class BudgetTopics:
    """One deployment: what was written to it, and what its workers should say of it."""

    def __init__(self, kafka: KafkaSettings, dsn: str, data: Path, *, database: str = "outlay") -> None:
        self.kafka = kafka.model_copy(update={"retention_days": _FOR_EVER})  # records tell of a noon long ago
        self.dsn, self.database, self.data = dsn, database, data
        self.topics = cluster_topics(self.kafka)
        TopicAdmin(self.kafka).apply()
        self._producer = Producer(producer_config(self.kafka))
        self._numbers = itertools.count(1)
        self.blocks: list[Block] = []
        self.rows: list[dict[str, Any]] = []
        self.budgets: Sequence[Mapping[str, Any]] = ()

    def settings(self, *, folder: str = "worker", **budgets: Any) -> Settings:
        """Return quick settings for a worker that has a folder of this name."""
        quick = {"publish_ms": 20, "keep_ms": 100, "catalog_seconds": 0.1, "session_seconds": 6.0, **budgets}
        return Settings(
            store=self.dsn, database=self.database, kafka=self.kafka, data=self.data / folder, budgets=quick
        )

    def declare(self, budgets: Sequence[Mapping[str, Any]] = BUDGETS, *, org: str = ORG) -> None:
        """Make these the budgets of an organisation."""
        self.budgets = budgets
        with self.warehouse() as warehouse:
            catalog = Catalog.model_validate({"budgets": budgets})
            CatalogStore(warehouse).apply(org, catalog, actor="test", at=datetime.now(UTC))

    @contextmanager
    def warehouse(self) -> Iterator[Warehouse]:
        with Warehouse.open(self.dsn, database=self.database) as warehouse:
            yield warehouse

    def write(self, partition: int, *rows: Mapping[str, Any], at: datetime | None = None) -> Block:
        """Write a block of these entries, and its cells as the meter would after the commit; `at` is when."""
        named = [{"id": f"e{next(self._numbers)}", "org": ORG, **row} for row in rows]
        block = builders.block(builders.entries(*named))
        offset = self._put(self.topics.spend.name, encode_block(block), partition=partition, at=at)
        source = f"spend/{partition}"
        block = builders.block(block.entries, partition=source, offset=offset)
        self.blocks.append(block)
        self.rows += block.entries.to_pylist()
        self.cells(block, at=at)
        return block

    def cells(self, block: Block, *, at: datetime | None = None) -> None:
        """Write the cells of a block, perhaps once more."""
        mark = Mark(block.partition, block.offset)
        for org in pc.unique(block.cells["org"]).to_pylist():
            value = encode_cells(block.cells.filter(pc.equal(block.cells["org"], org)))
            self._put(self.topics.spend_cells.name, value, key=org.encode(), headers=mark.headers(), at=at)

    def publish(self, state: BudgetState) -> None:
        """Write a state as a worker would."""
        key = record_key(state.org, row_key(budget=state.budget.id))
        self._put(self.topics.budget_state.name, encode_state(state), at=None, key=key)

    def _put(self, topic: str, value: bytes, *, at: datetime | None, **more: Any) -> int:
        found: list[int] = []

        def delivered(error: object, message: Message) -> None:
            assert error is None, error
            found.append(message.offset())

        timed = {} if at is None else {"timestamp": int(at.timestamp() * 1000)}
        self._producer.produce(topic, value, on_delivery=delivered, **timed, **more)
        assert self._producer.flush(30) == 0
        return found[0]

    def store(self) -> None:
        """Put every block into the store, as the loaders would."""
        with self.warehouse() as warehouse:
            for block in self.blocks:
                warehouse.insert_block(block)

    @contextmanager
    def working(self, settings: Settings | None = None) -> Iterator[Running]:
        """Run a worker; stop it in good order on the way out, and raise what ended it."""
        chosen = settings or self.settings()
        stop = threading.Event()

        def announced(url: str) -> None:
            running.url = url
            running.listens.set()

        def run() -> None:
            try:
                run_budgets(chosen, stop, announce=announced)
            except BaseException as error:  # noqa: BLE001 - handed to the test
                running.failures.append(error)

        running = Running(threading.Thread(target=run), stop)
        running.thread.start()
        try:
            yield running
        finally:
            stop.set()
            running.thread.join(PATIENCE)
        assert not running.thread.is_alive()
        if running.failures:
            raise running.failures[0]

    @contextmanager
    def following(self) -> Iterator[BudgetStates]:
        with BudgetStates(self.kafka).following() as states:
            yield states

    def settled(self, states: BudgetStates, org: str = ORG) -> bool:
        """Return whether every budget says what the entries written add up to, and has its past."""
        try:
            found = {state.budget.id: state for state in states.states(org)}
        except BudgetsUnknown:
            return False
        return found.keys() == {budget["id"] for budget in self.budgets} and all(
            not found[budget["id"]].starting
            and said(found[budget["id"]]) == self.wanted(budget, found[budget["id"]], org)
            for budget in self.budgets
        )

    def wanted(self, budget: Mapping[str, Any], state: BudgetState, org: str = ORG) -> dict[datetime, Any]:
        """Return amount, entries and unpriced entries of each of the state's periods, summed by hand."""
        mine = [row for row in self.rows if row["org"] == org and _matches(row, budget.get("scope", {}))]
        newest = max((row["time"] for row in mine), default=NOON)
        assert not mine or any(newest < spent.end for spent in state.periods), "the newest entry is in no period"
        sums = {}
        for spent in state.periods:
            within = [row for row in mine if spent.start <= row["time"] < spent.end]
            amounts = [row["amount"] for row in within if row["amount"] is not None]
            sums[spent.start] = (sum(amounts, Decimal(0)), len(within), len(within) - len(amounts))
        return sums

    def written(self, place: TopicPartition) -> int:
        """Return where the next record of a partition will be."""
        consumer = Consumer(consumer_config(self.kafka, "test"))
        try:
            return int(consumer.get_watermark_offsets(place, 30)[1])
        finally:
            consumer.close()


def said(state: BudgetState) -> dict[datetime, Any]:
    """Return amount, entries and unpriced entries by the start of the period."""
    return {spent.start: (spent.amount, spent.entries, spent.unpriced) for spent in state.periods}


def _matches(row: Mapping[str, Any], scope: Mapping[str, Any]) -> bool:
    return all(
        any(fnmatchcase(row[name], each) for each in ([value] if isinstance(value, str) else value))
        for name, value in scope.items()
    )


def eventually(holds: Callable[[], bool], *, patience: float = PATIENCE) -> None:
    """Return once `holds` does."""
    deadline = monotonic() + patience
    while not holds():
        assert monotonic() < deadline, "what the test waits for did not come about"
        sleep(0.05)
