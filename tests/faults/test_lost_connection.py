"""A connection to the store that is lost while a block is written: whatever the server did with it, it counts once."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum

import pytest
import structlog

from outlay_infra.errors import StoreError
from outlay_infra.warehouse import Warehouse
from outlay_streams.runtime.embedded import EmbeddedRuntime
from tests.support import clickhouse_front
from tests.support.events import ManualClock, decoded, event
from tests.support.flat_rules import flat_rules

TABLES = ("ledger", "tag_days", "cells", "days", "event_ids", "rejects", "receipts")
_numbers = itertools.count(1)


class Fate(Enum):
    """What the server does with the statement whose connection is lost."""

    NOTHING = "nothing"
    STORED = "stored"
    LATER = "later"
    """Stores it when the client has long asked whether it did."""


class Network:
    """Loses the connection of the first insert into `table` once told to."""

    def __init__(self) -> None:
        self.table, self.fate = "", Fate.NOTHING
        self.late: list[Callable[[], object]] = []
        self._one_at_a_time = threading.Lock()

    def loses(self, sql: str, run: Callable[[], object]) -> bool:
        with self._one_at_a_time:
            if not self.table or not re.match(rf"\s*INSERT INTO [`\w.]*\b{self.table}\b", sql):
                return False
            self.table = ""
        if self.fate is Fate.STORED:
            run()
        elif self.fate is Fate.LATER:
            self.late.append(run)
        return True


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def store(engine_dsn: str, network: Network) -> Iterator[Warehouse]:
    with clickhouse_front.serve(engine_dsn.removeprefix("chdb://"), loses=network.loses) as port:
        dsn = f"clickhouse://127.0.0.1:{port}"
        with Warehouse.open(dsn, database=f"lost_{next(_numbers)}") as warehouse:
            warehouse.migrate()
            yield warehouse
            warehouse.command(f"DROP DATABASE {warehouse.database} SYNC")


@contextmanager
def running(store: Warehouse, generation: int = 1) -> Iterator[EmbeddedRuntime]:
    runtime = EmbeddedRuntime(ledger=store, clock=ManualClock(), rules=flat_rules, generation=generation)
    try:
        yield runtime
    finally:
        runtime.stop(30)


async def sent(runtime: EmbeddedRuntime, *names: str) -> list[str]:
    """Send events, again for as long as they were not acknowledged, as any client does."""
    batch = decoded([event(id=name, tags={"tier": "gold"}) for name in names] + [event(id="bad", wrong=1)])
    while True:
        try:
            outcomes = await runtime.publish("acme", batch)
        except StoreError:
            continue
        return [outcome.verdict.value for outcome in outcomes]


@pytest.mark.parametrize("fate", Fate)
@pytest.mark.parametrize("table", TABLES)
async def test_a_block_whose_connection_is_lost_counts_once(
    store: Warehouse, network: Network, table: str, fate: Fate
) -> None:
    with structlog.testing.capture_logs(), running(store) as runtime:
        await sent(runtime, "before")
        network.table, network.fate = table, fate
        outcomes = await sent(runtime, "a", "b")
        await sent(runtime, "a", "after")
        assert network.table == "", "no connection was lost"
        for run in network.late:
            run()

    assert set(outcomes) <= {"accepted", "duplicate", "rejected"}
    assert store.check() == []
    found = store.query("SELECT count() AS entries, uniqExact(id) AS ids FROM ledger").to_pylist()
    assert found == [{"entries": 4, "ids": 4}]
