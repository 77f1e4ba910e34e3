"""Fixtures every area shares: one embedded engine for the whole run, a database of its own for each test."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from outlay_infra.warehouse import Warehouse
from tests.support.containers import docker_answers

pytest_plugins = ["tests.support.kafka_broker.fixtures"]

_numbers = itertools.count(1)


def pytest_report_header() -> str:
    """Say which ClickHouse is tested."""
    server = "and a real server" if docker_answers() else "but no real server, for no container engine answers"
    return f"clickhouse: the embedded engine, the same over HTTP, {server}"


@pytest.fixture(scope="session")
def engine_dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The one engine this process may host. It is held open between tests, for opening it costs most of a second."""
    dsn = f"chdb://{tmp_path_factory.mktemp('engine')}"
    with Warehouse.open(dsn, database="held"):
        yield dsn


@pytest.fixture
def open_warehouse(engine_dsn: str) -> Iterator[Callable[..., Warehouse]]:
    """Open warehouses, each over a database of its own unless `database` names one."""
    opened: list[Warehouse] = []

    def open_one(database: str | None = None, *, migrated: bool = True) -> Warehouse:
        warehouse = Warehouse.open(engine_dsn, database=database or f"test_{next(_numbers)}")
        opened.append(warehouse)
        if migrated:
            warehouse.migrate()
        return warehouse

    yield open_one
    for database in {warehouse.database for warehouse in opened}:
        opened[0].command(f"DROP DATABASE IF EXISTS {database} SYNC")
    for warehouse in opened:
        warehouse.close()


@pytest.fixture
def warehouse(open_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """A migrated warehouse over a fresh database."""
    return open_warehouse()
