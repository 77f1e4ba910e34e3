"""Consumer groups as the brokers see them: who is in them, and how far they came."""

from __future__ import annotations

import time
from collections.abc import Mapping

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from outlay_infra.kafka.client import client_config, consumer_config
from outlay_infra.kafka.errors import named
from outlay_infra.settings import KafkaSettings

_SECONDS = 15.0
_PAUSE = 0.1
_MOVED = frozenset(
    {
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError._WAIT_COORD,  # noqa: SLF001 - librdkafka's own errors begin with an underscore
    }
)
"""The brokers are about to know who keeps the group's offsets."""

Offsets = Mapping[int, int]
"""Offset by partition."""


def members(kafka: KafkaSettings, group: str) -> list[str]:
    """Return the members of a group of this deployment, by client id and host. Raises `BrokerError`."""
    admin = AdminClient(client_config(kafka))
    (future,) = admin.describe_consumer_groups([kafka.prefix + group], request_timeout=_SECONDS).values()
    try:
        described = future.result(2 * _SECONDS)
    except KafkaException as error:
        raise named(error, f"asking for the members of group {group}") from None
    return sorted(f"{member.client_id} on {member.host.lstrip('/')}" for member in described.members)


class Progress:
    """How far a topic was written, and how far a group read it."""

    def __init__(self, kafka: KafkaSettings) -> None:
        """Prepare; nothing is asked of the brokers yet."""
        self._kafka = kafka
        self._admin = AdminClient(client_config(kafka))

    def committed(self, group: str, topic: str, partitions: int) -> Offsets:
        """Return where the group goes on, by partition; one it never noted is absent. Raises `BrokerError`."""
        places = [TopicPartition(topic, partition) for partition in range(partitions)]
        asked = ConsumerGroupTopicPartitions(self._kafka.prefix + group, places)
        (future,) = self._admin.list_consumer_group_offsets([asked], request_timeout=_SECONDS).values()
        try:
            found = future.result(2 * _SECONDS).topic_partitions
        except KafkaException as error:
            raise named(error, f"asking for the offsets of group {group}") from None
        return {place.partition: place.offset for place in found if place.error is None and place.offset >= 0}

    def bounds(self, topic: str, partitions: int) -> tuple[Offsets, Offsets]:
        """Return the first offset kept and the end of each partition, open transactions left out."""
        return self._asked(topic, partitions, OffsetSpec.earliest()), self._asked(
            topic, partitions, OffsetSpec.latest()
        )

    def _asked(self, topic: str, partitions: int, which: OffsetSpec) -> Offsets:
        asked = {TopicPartition(topic, partition): which for partition in range(partitions)}
        found = self._admin.list_offsets(asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=_SECONDS)
        try:
            return {place.partition: future.result(2 * _SECONDS).offset for place, future in found.items()}
        except KafkaException as error:
            raise named(error, f"asking for the offsets of {topic}") from None


class Follower:
    """How far a group read, for whoever asks again and again; the first answer takes a second longer than `Progress`.

    It asks as a consumer that never joins the group. The admin client, asked often while a coordinator goes away, has
    ended whole processes (librdkafka 2.16, an assertion in `rd_kafka_enq_once_del_source_return`).
    """

    def __init__(self, kafka: KafkaSettings, group: str) -> None:
        """Prepare; nothing is asked of the brokers yet."""
        self._group = group
        self._consumer = Consumer(consumer_config(kafka, group, isolation_level="read_uncommitted"))

    def committed(self, topic: str, partitions: int) -> Offsets:
        """Return where the group goes on, by partition; one it never noted is absent. Raises `BrokerError`."""
        places = [TopicPartition(topic, partition) for partition in range(partitions)]
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                found = self._consumer.committed(places, _SECONDS)
            except KafkaException as error:
                if error.args[0].code() not in _MOVED or time.monotonic() > deadline:
                    raise named(error, f"asking for the offsets of group {self._group}") from None
                time.sleep(_PAUSE)
            else:
                return {place.partition: place.offset for place in found if place.error is None and place.offset >= 0}
