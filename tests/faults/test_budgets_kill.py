"""Two budgets workers, one or the other killed at random moments: every entry is in every total, once."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import sleep

import pytest

from outlay_api.clusterwide.budget_states import BudgetStates
from outlay_infra.settings import KafkaSettings
from outlay_streams.budgets import BudgetsUnknown
from tests.support.budget_topics import NOON, BudgetTopics, eventually
from tests.support.clickhouse_process import ClickHouseProcess
from tests.support.cluster import Cluster

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]

KILLS = 3
ORGS = ("acme", "other", "third")
QUICK = {
    "OUTLAY_BUDGETS__SESSION_SECONDS": "6",
    "OUTLAY_BUDGETS__KEEP_MS": "200",
    "OUTLAY_BUDGETS__CATALOG_SECONDS": "0.5",
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ClickHouseProcess]:
    with ClickHouseProcess.launched(tmp_path / "store") as store:
        yield store


@pytest.fixture
def cluster(kafka: str, store: ClickHouseProcess, tmp_path: Path) -> Iterator[Cluster]:
    settings = KafkaSettings(bootstrap=kafka, prefix=f"b-{uuid.uuid4().hex[:8]}.", partitions=2)
    with Cluster(settings, store.dsn, tmp_path, more=QUICK) as cluster:
        yield cluster


@contextmanager
def written(topics: BudgetTopics, seed: int) -> Iterator[None]:
    """Blocks arrive meanwhile, some of their cells twice."""
    stop = threading.Event()
    rng = random.Random(seed)

    def write() -> None:
        while not stop.wait(rng.uniform(0.01, 0.1)):
            rows = [
                {
                    "org": rng.choice(ORGS),
                    "team": rng.choice(["red", "green", "blue"]),
                    "model": rng.choice(["gpt-5", "gpt-5-mini"]),
                    "amount": f"0.{rng.randrange(10**12):012}",
                    "time": NOON - timedelta(days=rng.randrange(3)),
                }
                for _ in range(rng.choice([1, 5, 40]))
            ]
            block = topics.write(rng.randrange(2), *rows, at=NOON)
            if rng.random() < 0.2:
                topics.cells(block, at=NOON)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def counted(states: BudgetStates) -> int:
    """Return how many entries the workers have told of."""
    try:
        return sum(spent.entries for org in ORGS for state in states.states(org) for spent in state.periods)
    except BudgetsUnknown:
        return 0


def test_workers_that_are_killed_again_and_again_lose_nothing_and_count_nothing_twice(cluster: Cluster) -> None:
    rng = random.Random(21)
    topics = BudgetTopics(cluster.kafka, cluster.dsn, cluster.folder)
    for org in ORGS:
        topics.declare(org=org)
    names = ("budgets-1", "budgets-2")
    workers = [cluster.launch(name, OUTLAY_BUDGETS__INSTANCE=name) for name in names]
    for worker in workers:
        worker.wait()
    for partition in range(2):
        topics.write(partition, *({"org": org} for org in ORGS), at=NOON)  # nothing is before these blocks
    with topics.following() as states:
        with written(topics, seed=22):
            for _ in range(KILLS):
                before = counted(states)
                eventually(lambda before=before: counted(states) > before)  # type: ignore[misc]
                sleep(rng.uniform(0, 0.5))
                worker = rng.choice(workers)
                worker.kill()
                worker.launch().wait()
        eventually(lambda: all(topics.settled(states, org) for org in ORGS))
    assert [worker.stop() for worker in workers] == [0, 0]
