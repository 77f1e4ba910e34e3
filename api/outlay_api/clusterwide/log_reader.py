"""Stretches of topics, read once and in order, beside whoever consumes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from time import monotonic

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from outlay_infra.kafka import BrokerUnavailable, consumer_config
from outlay_infra.kafka.errors import named
from outlay_infra.settings import KafkaSettings

_AT_ONCE = 1_000
_PATIENCE = 30.0
_END = KafkaError._PARTITION_EOF  # noqa: SLF001 - librdkafka's own errors begin with an underscore

Stretch = tuple[int, int]
"""First offset and the one to stop before."""


def read(kafka: KafkaSettings, topic: str, stretches: dict[int, Stretch]) -> Iterator[Message]:
    """Yield the committed records of each partition's stretch, a partition after the other. Raises `BrokerError`."""
    wanted = {partition: (start, end) for partition, (start, end) in stretches.items() if start < end}
    if not wanted:
        return
    with closing(Consumer(consumer_config(kafka, "check") | {"enable.partition.eof": True})) as consumer:
        for partition, (start, end) in wanted.items():
            consumer.assign([TopicPartition(topic, partition, start)])
            yield from _until(consumer, f"{topic}/{partition}", end)


def _until(consumer: Consumer, place: str, end: int) -> Iterator[Message]:
    deadline = monotonic() + _PATIENCE
    while monotonic() < deadline:
        for message in consumer.consume(_AT_ONCE, 0.2):
            error = message.error()
            if error is not None and error.code() == _END:
                return
            if error is not None:
                raise named(error, f"reading {place}")
            if message.offset() >= end:
                return
            deadline = monotonic() + _PATIENCE
            yield message
    raise BrokerUnavailable(f"{place} could not be read up to offset {end}; try again")
