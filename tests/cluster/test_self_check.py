"""The self-check names what does not add up between the topics and the store."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from outlay_api.clusterwide.self_check import SelfCheck
from outlay_infra.kafka import cluster_topics, consumer_config, producer_config
from outlay_infra.settings import KafkaSettings, Settings
from outlay_infra.warehouse import shared
from outlay_infra.warehouse.shared import SharedWarehouse
from tests.streams.runtime.loader.conftest import loading
from tests.support import clickhouse_front
from tests.support.spend_topic import SpendTopic, eventually, held

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def front(engine_dsn: str) -> Iterator[str]:
    with clickhouse_front.serve(engine_dsn.removeprefix("chdb://")) as port:
        yield f"clickhouse://127.0.0.1:{port}"


@pytest.fixture
def store(front: str) -> Iterator[SharedWarehouse]:
    with SharedWarehouse.open(front, database=f"self_check_{next(_numbers)}") as warehouse:
        warehouse.migrate()
        yield warehouse
        warehouse.command(f"DROP DATABASE {warehouse.database} SYNC")


@pytest.fixture
def spend(kafka_settings: KafkaSettings, tmp_path: Path, front: str) -> SpendTopic:
    return SpendTopic(kafka_settings, tmp_path, front)


@pytest.fixture
def loaded(spend: SpendTopic, store: SharedWarehouse) -> Settings:
    """Four blocks of five events each, as if meters had taken twenty events, and all of it stored."""
    for number in range(4):
        spend.write(number % 2)
        spend.refuse(f"r{number}", origin=("usage", number % 2, number))
    spend.refuse("over http", origin=None)
    usage = cluster_topics(spend.kafka).usage.name
    producer = Producer(producer_config(spend.kafka))
    for number in range(20):
        producer.produce(usage, b"event", partition=number % 2)
    producer.flush(30)
    metered_up_to(spend, 10)
    settings = spend.settings(database=store.database)
    with loading(settings):
        eventually(lambda: held(store)["entries"] == 12)
        eventually(lambda: not SelfCheck(settings, store)())
    return settings


def metered_up_to(spend: SpendTopic, offset: int) -> None:
    usage = cluster_topics(spend.kafka).usage.name
    consumer = Consumer(consumer_config(spend.kafka, "meter"))
    consumer.commit(offsets=[TopicPartition(usage, partition, offset) for partition in (0, 1)], asynchronous=False)
    consumer.close()


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again without a pause: nothing moves here."""
    monkeypatch.setattr(shared, "PAUSE_SECONDS", 0.0)


def told(settings: Settings, store: SharedWarehouse) -> list[str]:
    return [f"{each.table} {dict(each.key)} {each.measure}: {each.found}" for each in SelfCheck(settings, store)()]


def test_events_without_a_receipt_are_told(loaded: Settings, store: SharedWarehouse, spend: SpendTopic) -> None:
    metered_up_to(spend, 11)

    assert told(loaded, store) == [f"{spend.kafka.prefix}usage {{'group': 'meter'}} events without a receipt: 2"]


def test_a_block_that_the_store_lost_is_told(loaded: Settings, store: SharedWarehouse) -> None:
    lost = "`partition` = 'spend/1' AND block = 0"
    store.command(f"ALTER TABLE receipts DELETE WHERE {lost} SETTINGS mutations_sync = 2")

    found = told(loaded, store)

    assert "receipts {'partition': 'spend/1', 'block': '0'} block: nothing" in found
    assert any("events without a receipt: 5" in line for line in found)


def test_a_block_stored_twice_is_told(loaded: Settings, store: SharedWarehouse) -> None:
    twice = "INSERT INTO days SETTINGS insert_deduplicate = 0 SELECT * FROM days WHERE org = '' AND team = 'spend/0'"
    store.command(f"{twice} AND project = '0' LIMIT 1")

    assert told(loaded, store) == ["days {'partition': 'spend/0', 'block': '0'} copies: 2"]


def test_a_block_of_another_deployment_is_told(loaded: Settings, store: SharedWarehouse) -> None:
    copied = (
        "INSERT INTO receipts SELECT * REPLACE(toUInt64(1) AS block) FROM receipts AS r WHERE r.`partition` = 'spend/0'"
    )
    store.command(f"{copied} AND r.block = 0")

    assert any("a block that the log does not have" in line for line in told(loaded, store))


def test_a_refused_event_that_is_counted_nowhere_is_told(
    loaded: Settings, store: SharedWarehouse, spend: SpendTopic
) -> None:
    spend.refuse("more", origin=("usage", 0, 9))

    assert told(loaded, store) == [f"{spend.kafka.prefix}usage.rejected {{'by': 'records'}} refused by a meter: 5"]
