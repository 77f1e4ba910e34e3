"""Loaders in threads over a real broker and the engine behind its HTTP front."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from outlay_infra.settings import KafkaSettings, Settings
from outlay_infra.warehouse.shared import SharedWarehouse
from outlay_streams.runtime.loader import run_loader
from tests.support import clickhouse_front
from tests.support.spend_topic import PATIENCE, SpendTopic

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def front(engine_dsn: str) -> Iterator[str]:
    with clickhouse_front.serve(engine_dsn.removeprefix("chdb://")) as port:
        yield f"clickhouse://127.0.0.1:{port}"


@pytest.fixture
def database() -> str:
    return f"loader_{next(_numbers)}"


@pytest.fixture
def spend(kafka_settings: KafkaSettings, tmp_path: Path, front: str) -> SpendTopic:
    return SpendTopic(kafka_settings, tmp_path, front)


@pytest.fixture
def store(front: str, database: str) -> Iterator[SharedWarehouse]:
    with SharedWarehouse.open(front, database=database) as warehouse:
        warehouse.migrate()
        yield warehouse
        warehouse.command(f"DROP DATABASE {database} SYNC")


@dataclass
class Running:
    """A loader in a thread of its own."""

    thread: threading.Thread
    stop: threading.Event
    failures: list[BaseException] = field(default_factory=list)
    url: str = ""
    answering: threading.Event = field(default_factory=threading.Event)


@contextmanager
def loading(settings: Settings) -> Iterator[Running]:
    """Run a loader; stop it in good order on the way out, and raise what ended it."""
    stop = threading.Event()

    def announced(url: str) -> None:
        running.url = url
        running.answering.set()

    def run() -> None:
        try:
            run_loader(settings, stop, announce=announced)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            running.failures.append(error)
            running.answering.set()

    running = Running(threading.Thread(target=run), stop)
    running.thread.start()
    assert running.answering.wait(PATIENCE)
    try:
        yield running
    finally:
        stop.set()
        running.thread.join(PATIENCE)
    assert not running.thread.is_alive()
    if running.failures:
        raise running.failures[0]


Loading = Callable[[Settings], object]
