"""What the runbook says, done by its own commands on a real broker and the engine behind its HTTP interface."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from confluent_kafka import Consumer

from outlay_api.cli.app import run
from outlay_api.cluster import shared_warehouse
from outlay_api.queries.coverage import coverage_of
from outlay_infra.catalog_store import CatalogStore
from outlay_infra.errors import QueryError
from outlay_infra.kafka import consumer_config
from outlay_infra.settings import Settings
from outlay_infra.warehouse import shared
from outlay_infra.warehouse.shared import SharedWarehouse
from outlay_schemas.catalog import Catalog
from tests import builders
from tests.deploy.manifests import DEPLOY
from tests.streams.runtime.loader.conftest import loading
from tests.support import clickhouse_front
from tests.support.kafka_broker.broker import tool
from tests.support.spend_topic import SpendTopic, eventually, held

RUNBOOK = (DEPLOY / "RUNBOOK.md").read_text("utf-8")
_numbers = itertools.count(1)

Outlay = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def front(engine_dsn: str) -> Iterator[str]:
    with clickhouse_front.serve(engine_dsn.removeprefix("chdb://")) as port:
        yield f"clickhouse://127.0.0.1:{port}"


@pytest.fixture
def store(front: str) -> Iterator[SharedWarehouse]:
    with SharedWarehouse.open(front, database=f"runbook_{next(_numbers)}") as warehouse:
        warehouse.migrate()
        yield warehouse
        warehouse.command(f"DROP DATABASE {warehouse.database} SYNC")


@pytest.fixture
def spend(kafka_settings: object, tmp_path: Path, front: str) -> SpendTopic:
    return SpendTopic(kafka_settings, tmp_path, front)  # type: ignore[arg-type]


@pytest.fixture
def settings(spend: SpendTopic, store: SharedWarehouse) -> Settings:
    return spend.settings(database=store.database)


@pytest.fixture
def outlay(
    spend: SpendTopic,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Outlay:
    """Run a command of the command line over the cluster."""
    kafka = spend.kafka
    for name, value in {
        "OUTLAY_STORE": settings.dsn,
        "OUTLAY_DATABASE": settings.database,
        "OUTLAY_ORG": "acme",
        "OUTLAY_DATA": str(tmp_path / "cli"),
        "OUTLAY_KAFKA__BOOTSTRAP": kafka.bootstrap,
        "OUTLAY_KAFKA__PREFIX": kafka.prefix,
        "OUTLAY_KAFKA__PARTITIONS": str(kafka.partitions),
        "NO_COLOR": "1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(shared, "PAUSE_SECONDS", 0.0)

    def ran(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = run(list(arguments))
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return ran


def test_what_the_store_lost_comes_back_from_an_old_offset(
    spend: SpendTopic, settings: Settings, store: SharedWarehouse
) -> None:
    with loading(settings):
        for number in range(6):
            spend.write(number % 2)
        eventually(lambda: held(store) == spend.expected)
    for table in ("ledger", "receipts", "cells", "days"):
        store.command(f"TRUNCATE TABLE {table}")

    (line,) = re.findall(r"kafka-consumer-groups\.sh (.*)", RUNBOOK)
    said = line.replace("localhost:9092", spend.kafka.bootstrap).replace("outlay.", spend.kafka.prefix)
    for partition in (0, 1):
        command = said.replace("spend:3", f"spend:{partition}").replace("1200", "0")
        tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", *command.split())

    with loading(settings):
        eventually(lambda: held(store) == spend.expected)
        eventually(lambda: store.check() == [])


def test_days_follow_a_new_zone_once_nothing_of_the_earlier_one_can_come(
    spend: SpendTopic, settings: Settings, store: SharedWarehouse, outlay: Outlay
) -> None:
    with loading(settings), shared_warehouse(settings) as warehouse:
        spend.write(0)
        eventually(lambda: held(store) == spend.expected)
        abroad = Catalog.model_validate({"organisation": {"reporting_zone": "Pacific/Auckland"}})
        CatalogStore(store).apply("acme", abroad, actor="test", at=builders.NOON)
        assert not coverage_of(store, "acme").days_kept
        with pytest.raises(QueryError, match=r"while 1 loader\(s\) run .*stop the loaders"):
            warehouse.rebuild_days("acme")
    with closing(Consumer(consumer_config(spend.kafka, "meter"))) as meter, shared_warehouse(settings) as warehouse:
        meter.subscribe([spend.topic.name])
        eventually(lambda: meter.poll(0.1) is None and bool(meter.assignment()))
        with pytest.raises(QueryError, match=r"while 1 meter\(s\) run .*stop the meters"):
            warehouse.rebuild_days("acme")
    spend.write(1)
    code, told = outlay("check", "--repair")
    assert (code, "while 5 events wait to be stored" in told) == (2, True)
    with loading(settings):
        eventually(lambda: held(store) == spend.expected)

    code, told = outlay("check", "--repair")
    assert (code, "of days from the ledger" in told) == (0, True)
    assert coverage_of(store, "acme").days_kept


def test_old_entries_are_forgotten_beside_a_loader(
    spend: SpendTopic, settings: Settings, store: SharedWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "PAUSE_SECONDS", 0.0)
    today, days = builders.NOON.date() + timedelta(days=90), 80

    def forgotten() -> int:
        return int(store.query("SELECT toInt64(sum(entries)) AS n FROM expired")["n"][0].as_py())

    def settled() -> bool:
        store.retention(today, raw_days=days, rejects_days=None)
        return (forgotten(), held(store)["entries"]) == (8, spend.entries - 8)

    with loading(settings):
        for number in range(8):
            spend.write(number % 2)
            store.retention(today, raw_days=days, rejects_days=None)
        eventually(settled)
    assert store.check() == []
