"""A loader killed at random moments, a store away or killed while it writes: everything is stored, once."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import pytest

from outlay_infra.errors import StoreError
from outlay_infra.settings import KafkaSettings
from outlay_infra.warehouse.shared import SharedWarehouse
from tests.support.clickhouse_process import ClickHouseProcess
from tests.support.cluster import Cluster
from tests.support.spend_topic import SpendTopic, eventually, held

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]

KILLS = 8


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ClickHouseProcess]:
    with ClickHouseProcess.launched(tmp_path / "store") as store:
        yield store


@pytest.fixture
def cluster(kafka: str, store: ClickHouseProcess, tmp_path: Path) -> Iterator[Cluster]:
    settings = KafkaSettings(bootstrap=kafka, prefix=f"k-{uuid.uuid4().hex[:8]}.", partitions=2)
    with Cluster(settings, store.dsn, tmp_path, more={"OUTLAY_LOADER__SESSION_SECONDS": "1.5"}) as cluster:
        yield cluster


@contextmanager
def written(spend: SpendTopic, seed: int) -> Iterator[None]:
    """Blocks arrive meanwhile, one after the other."""
    stop = threading.Event()
    rng = random.Random(seed)

    def write() -> None:
        while not stop.wait(rng.uniform(0.01, 0.2)):
            spend.write(rng.randrange(2), rows=rng.choice([1, 3, 40]), commit=rng.random() > 0.1)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def stored(warehouse: SharedWarehouse) -> int:
    try:
        return int(held(warehouse)["entries"])
    except StoreError:
        return -1


def test_a_loader_that_is_killed_again_and_again(cluster: Cluster) -> None:
    rng = random.Random(11)
    spend = SpendTopic(cluster.kafka, cluster.folder, cluster.dsn)
    with cluster.warehouse() as warehouse:
        (loader,) = cluster.start("loader")
        with written(spend, seed=12):
            for _ in range(KILLS):
                before = stored(warehouse)
                eventually(lambda before=before: stored(warehouse) > before)  # type: ignore[misc]
                sleep(rng.uniform(0, 0.5))
                loader.kill()
                loader.launch().wait()
        eventually(lambda: held(warehouse) == spend.expected)
        assert loader.stop() == 0
        spend.assert_whole(warehouse)


def test_a_store_that_is_away_and_one_that_is_killed_delay_and_lose_nothing(
    cluster: Cluster, store: ClickHouseProcess
) -> None:
    spend = SpendTopic(cluster.kafka, cluster.folder, cluster.dsn)
    with cluster.warehouse() as warehouse:
        (loader,) = cluster.start("loader")
        with written(spend, seed=13):
            eventually(lambda: stored(warehouse) > 0)
            for end in (store.stop, store.kill, store.kill):
                before = stored(warehouse)
                end()
                sleep(2.0)
                store.start()
                eventually(lambda before=before: stored(warehouse) > before)  # type: ignore[misc]
        eventually(lambda: held(warehouse) == spend.expected)
        assert loader.stop() == 0
        spend.assert_whole(warehouse)
