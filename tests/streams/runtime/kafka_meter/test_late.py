"""Events older than memory wait for the store, and nobody waits for them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from confluent_kafka import Consumer, TopicPartition

from outlay_infra.errors import StoreUnavailable
from outlay_infra.kafka.client import consumer_config
from outlay_infra.settings import LedgerSettings, Settings
from outlay_schemas.identity import id_hash
from outlay_streams.runtime.kafka_meter.running import LOADER_GROUP
from tests.support.meter_topics import ORG, MeterTopics, entries, now, outcomes

REMEMBERED = 1000
FILLER = 1500
TWO_DAYS_AGO = now() - timedelta(days=2)
LONG_AGO = (now() - timedelta(days=3)).isoformat()

Events = list[dict[str, object]]


def filler() -> Events:
    """Events that fill memory past its bound, so that the first of them are forgotten."""
    return [{"id": f"f{n}", "time": (TWO_DAYS_AGO + n * timedelta(seconds=1)).isoformat()} for n in range(FILLER)]


@pytest.fixture
def settings(meter_topics: MeterTopics) -> Settings:
    return meter_topics.settings(ledger=LedgerSettings(dedupe_ids=REMEMBERED), meter={"batch_events": 100})


def fill(topics: MeterTopics) -> None:
    """Count the filler, in blocks received minutes apart, and load all of it into the store."""
    for number, one in enumerate(filler()):
        moment: datetime = TWO_DAYS_AGO + number * timedelta(seconds=1)
        topics.queue(one, timestamp=int(moment.timestamp() * 1000))
    topics.send()
    topics.blocks(events=FILLER)


def load(topics: MeterTopics) -> None:
    """Store what was committed, and have the loader say so."""
    blocks = topics.blocks()
    for block in blocks:
        topics.store.ids.update(
            zip(block.ids["id_hash"].to_pylist(), block.ids["content_hash"].to_pylist(), strict=True)
        )
    consumer = Consumer(consumer_config(topics.kafka, LOADER_GROUP))
    end = max(block.offset for block in blocks) + 1
    consumer.commit(offsets=[TopicPartition(topics.topics.spend.name, 0, end)], asynchronous=False)
    consumer.close()


def test_late_events_are_judged_by_the_store(meter_topics: MeterTopics, settings: Settings) -> None:
    with meter_topics.metering(settings=settings):
        fill(meter_topics)
        load(meter_topics)
        meter_topics.send(filler()[0], {"id": "old", "time": LONG_AGO}, {"id": "old", "time": LONG_AGO})
        meter_topics.send({"id": "old", "time": LONG_AGO, "model": "gpt-5"}, {"id": "new"})
        blocks = meter_topics.blocks(events=FILLER + 5)
    assert outcomes(blocks) == {"counted": FILLER + 2, "duplicate": 2, "conflict": 1}
    assert len(meter_topics.read(meter_topics.topics.usage_late)) == 4
    assert meter_topics.store.asked > 0
    names = entries(blocks)["id"].to_pylist()
    assert len(names) == len(set(names))


def test_late_events_wait_until_store_and_loader_leave_no_gap(meter_topics: MeterTopics, settings: Settings) -> None:
    with meter_topics.metering(settings=settings):
        fill(meter_topics)
        meter_topics.store.failure = StoreUnavailable("gone")
        meter_topics.send(filler()[0], {"id": "old", "time": LONG_AGO})
        for number in range(5):
            meter_topics.send({"id": f"live{number}"})
            assert outcomes(meter_topics.blocks(events=FILLER + number + 1)) == {"counted": FILLER + number + 1}
        asked = meter_topics.store.asked
        meter_topics.store.failure = None
        meter_topics.await_that(lambda: meter_topics.store.asked > asked)
        assert outcomes(meter_topics.blocks()) == {"counted": FILLER + 5}, "the loader has not said what it has"
        load(meter_topics)
        assert outcomes(meter_topics.blocks(events=FILLER + 7)) == {"counted": FILLER + 6, "duplicate": 1}


def test_a_restart_forgets_nothing_of_the_late_lane(meter_topics: MeterTopics, settings: Settings) -> None:
    with meter_topics.metering(settings=settings):
        fill(meter_topics)
        meter_topics.send({"id": "old", "time": LONG_AGO}, {"id": "old", "time": LONG_AGO}, {"id": "live"})
        meter_topics.blocks(events=FILLER + 1)
    load(meter_topics)
    with meter_topics.metering(settings=settings):
        blocks = meter_topics.blocks(events=FILLER + 3)
    assert outcomes(blocks) == {"counted": FILLER + 2, "duplicate": 1}
    assert entries(blocks)["id"].to_pylist().count("old") == 1
    assert id_hash(ORG, "api", "old") in {one for block in blocks for one in block.ids["id_hash"].to_pylist()}


def test_a_young_deployment_remembers_everything_and_asks_nobody(meter_topics: MeterTopics) -> None:
    meter_topics.store.failure = None
    meter_topics.send({"id": "old", "time": LONG_AGO}, {"id": "old", "time": LONG_AGO})
    with meter_topics.metering():
        assert outcomes(meter_topics.blocks(events=2)) == {"counted": 1, "duplicate": 1}
    assert meter_topics.store.asked == 0
