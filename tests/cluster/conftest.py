"""A cluster for each module: the run's broker, a store of its own in a process of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from outlay_infra.settings import KafkaSettings
from tests.support.clickhouse_process import ClickHouseProcess
from tests.support.cluster import Cluster


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="module")
def clickhouse(folder: Path) -> Iterator[ClickHouseProcess]:
    with ClickHouseProcess.launched(folder / "store") as store:
        yield store


@pytest.fixture(scope="module")
def cluster(kafka: str, clickhouse: ClickHouseProcess, folder: Path) -> Iterator[Cluster]:
    settings = KafkaSettings(bootstrap=kafka, prefix=f"c-{uuid.uuid4().hex[:8]}.", partitions=2)
    with Cluster(settings, clickhouse.dsn, folder) as cluster:
        yield cluster
