"""A broker that goes down and comes back: what was promised is kept, nothing is doubled, nobody has to restart."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka import Consumer, TopicPartition

from outlay_infra.kafka import BrokerUnavailable, consumer_config, producer_config
from outlay_infra.kafka.delivery import BatchProducer, Record
from outlay_infra.kafka.groups import Follower
from outlay_infra.kafka.topic_admin import TopicAdmin
from outlay_infra.settings import KafkaSettings
from tests.support.kafka_broker.broker import Broker
from tests.support.kafka_broker.reading import read_all

NOW_MS = 1_778_000_000_250

pytestmark = pytest.mark.fault


def batch(name: str) -> list[Record]:
    return [Record(f"{name}-{n}".encode(), name.encode()) for n in range(50)]


def test_promises_are_kept_through_a_stop_and_a_kill(launch_broker: Callable[[], Broker]) -> None:
    broker = launch_broker()
    settings = KafkaSettings(bootstrap=broker.bootstrap, partitions=2, delivery_seconds=240)
    admin = TopicAdmin(settings)
    admin.apply()
    topic = f"{settings.prefix}usage"
    producer = BatchProducer(producer_config(settings))
    promises = [producer.send([(topic, batch("before"))], timestamp=NOW_MS)]
    promises[0].result(60)

    for name, go_down in (("stop", broker.stop), ("kill", broker.kill)):
        promises.append(producer.send([(topic, batch(f"{name}-under-way"))], timestamp=NOW_MS))
        go_down()
        with pytest.raises(BrokerUnavailable):
            admin.check(seconds=0.5)
        promises.append(producer.send([(topic, batch(f"{name}-while-down"))], timestamp=NOW_MS))
        broker.start()
        assert admin.diff() == []

    for promise in promises:
        assert promise.result(240) is None
    assert producer.stop(60)
    assert producer.stats().failed_batches == 0
    found = [message.key() for message in read_all(settings, topic)]
    assert len(found) == len(set(found)) == 50 * len(promises)


def test_how_far_a_group_came_is_told_as_soon_as_its_broker_is_back(launch_broker: Callable[[], Broker]) -> None:
    broker = launch_broker()
    settings = KafkaSettings(bootstrap=broker.bootstrap, partitions=2)
    TopicAdmin(settings).apply()
    topic = f"{settings.prefix}usage"
    follower = Follower(settings, "meter")
    assert follower.committed(topic, 2) == {}
    member = Consumer(consumer_config(settings, "meter"))
    member.commit(offsets=[TopicPartition(topic, 1, 5)], asynchronous=False)
    member.close()
    assert follower.committed(topic, 2) == {1: 5}

    broker.kill()
    broker.start()

    assert follower.committed(topic, 2) == {1: 5}
