"""The loader: every committed block in the store once, whatever is read again, refused, away or shared out."""

from __future__ import annotations

import httpx
import pytest
from confluent_kafka import Consumer, TopicPartition

from outlay_infra.kafka import cluster_topics, consumer_config
from outlay_infra.kafka.groups import Progress
from outlay_infra.settings import Settings
from outlay_infra.warehouse.shared import SharedWarehouse
from outlay_schemas.topics import Topic
from outlay_streams.wire import encode_block
from tests.streams.runtime.loader.conftest import loading
from tests.support.spend_topic import SpendTopic, eventually, held


@pytest.fixture
def settings(spend: SpendTopic, database: str) -> Settings:
    return spend.settings(database=database)


def rewind(spend: SpendTopic, topic: Topic | None = None) -> None:
    """Send the group back to the first record of every partition."""
    consumer = Consumer(consumer_config(spend.kafka, "loader"))
    topic = topic or spend.topic
    places = [TopicPartition(topic.name, partition, 0) for partition in range(topic.partitions)]
    consumer.commit(offsets=places, asynchronous=False)
    consumer.close()


def test_committed_blocks_are_stored_and_aborted_ones_are_not(
    spend: SpendTopic, store: SharedWarehouse, settings: Settings
) -> None:
    for number in range(6):
        spend.write(number % 2)
        spend.write(number % 2, commit=False)

    with loading(settings):
        eventually(lambda: held(store) == spend.expected)
        spend.write(1, rows=200)
        eventually(lambda: held(store) == spend.expected)

    spend.assert_whole(store)
    ends = Progress(spend.kafka).committed("loader", spend.topic.name, 2)
    assert set(ends) == {0, 1}


def test_a_replay_from_the_first_block_changes_nothing(
    spend: SpendTopic, store: SharedWarehouse, settings: Settings
) -> None:
    for number in range(8):
        spend.write(number % 2)
    with loading(settings):
        eventually(lambda: held(store) == spend.expected)

    rewind(spend)
    with loading(settings) as again:
        spend.write(0)
        eventually(lambda: held(store) == spend.expected)
        eventually(lambda: 'blocks_total{result="stored"} 1.0' in httpx.get(f"{again.url}/metrics").text)
        assert 'blocks_total{result="skipped"} 8.0' in httpx.get(f"{again.url}/metrics").text

    spend.assert_whole(store)


def test_two_loaders_share_the_partitions_and_one_takes_over(
    spend: SpendTopic, store: SharedWarehouse, settings: Settings
) -> None:
    with loading(settings):
        spend.write(0)
        with loading(settings):
            for number in range(10):
                spend.write(number % 2)
            eventually(lambda: held(store) == spend.expected)
        for number in range(4):
            spend.write(number % 2)
        eventually(lambda: held(store) == spend.expected)

    spend.assert_whole(store)


def test_a_refused_block_stops_its_partition_alone_and_is_named(
    spend: SpendTopic, store: SharedWarehouse, settings: Settings
) -> None:
    spend.write(1)
    spend.write(0, value=encode_block(spend.block(1))[:-9])
    spend.write(1)

    with loading(settings) as loader:
        eventually(lambda: held(store) == spend.expected)
        eventually(lambda: "cut short" in httpx.get(f"{loader.url}/readyz").text)
        ready = httpx.get(f"{loader.url}/readyz")

    assert ready.status_code == 503
    assert f"{spend.topic.name}/0 offset 0" in ready.text


def test_what_was_refused_over_http_is_in_the_account_and_what_a_meter_refused_is_there_once(
    spend: SpendTopic, store: SharedWarehouse, settings: Settings
) -> None:
    spend.refuse("bad", origin=None)
    spend.refuse("seen by a meter", origin=("usage", 0, 7))
    spend.refuse("worse", origin=None)
    for _ in range(2):
        with loading(settings):
            eventually(lambda: len(store.query("SELECT 1 FROM receipts")) == 2)
        rewind(spend, cluster_topics(spend.kafka).usage_rejected)

    rejects = store.query(
        "SELECT org, source, id, outcome, pointer, reason, event FROM rejects ORDER BY id"
    ).to_pylist()
    told = {"org": "acme", "source": "api", "outcome": "rejected", "pointer": "/time", "reason": "time is required"}
    assert rejects == [told | {"id": "bad", "event": "{}"}, told | {"id": "worse", "event": "{}"}]
    assert store.query("SELECT sum(received) AS n, sum(rejected) AS r FROM receipts").to_pylist() == [{"n": 2, "r": 2}]
    assert store.check() == []


def test_a_topic_made_anew_is_noticed(spend: SpendTopic, store: SharedWarehouse, settings: Settings) -> None:
    """Offsets begin again, so the store holds other blocks in their place; passing over them would lose them."""
    spend.write(0)
    with loading(settings):
        eventually(lambda: held(store) == spend.expected)
    store.command("ALTER TABLE receipts UPDATE received = received + 1 WHERE 1 SETTINGS mutations_sync = 2")

    rewind(spend)
    with loading(settings) as loader:
        eventually(lambda: "the store holds another block" in httpx.get(f"{loader.url}/readyz").text)
