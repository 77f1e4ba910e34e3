"""The committed blocks of `spend`, read back: what a meter that takes a partition over knows of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from outlay_infra.kafka.client import Config
from outlay_infra.kafka.errors import BrokerUnavailable, named
from outlay_schemas.topics import BlockHeader
from outlay_streams.runtime.kafka_meter.patience import SECONDS, patiently

_AT_ONCE = 100
_POLL_SECONDS = 1.0
_ASKING_SECONDS = 30.0
_END = KafkaError._PARTITION_EOF  # noqa: SLF001 - librdkafka's own errors begin with an underscore
_SECOND_MS = 1000


@dataclass(frozen=True, slots=True)
class Bounds:
    """The offsets a partition holds: `start <= offset < end`, uncommitted records included."""

    start: int
    end: int


class SpendLog:
    """Reads one partition after another. Methods raise `BrokerError`."""

    def __init__(self, config: Config, topic: str) -> None:
        """Prepare to read `topic`; `config` is that of `consumer_config`."""
        self.topic = topic
        self._asking = {name: config[name] for name in config if name.split(".")[0] in _ADMIN}
        self._consumer = Consumer(config | {"enable.partition.eof": True, "queued.min.messages": 1_000})

    def bounds(self, partitions: Iterable[int]) -> Mapping[int, Bounds]:
        """Return what each partition holds now."""
        places = [TopicPartition(self.topic, partition) for partition in partitions]
        earliest = self._offsets(places, OffsetSpec.earliest())
        latest = self._offsets(places, OffsetSpec.latest())
        return {place.partition: Bounds(earliest[place.partition], latest[place.partition]) for place in places}

    def _offsets(self, places: list[TopicPartition], which: OffsetSpec) -> dict[int, int]:
        if not places:
            return {}

        def ask() -> dict[int, int]:
            admin = AdminClient(
                self._asking
            )  # a new one knows the leaders of now; an old one would not ask who they are
            found = admin.list_offsets(
                dict.fromkeys(places, which),
                isolation_level=IsolationLevel.READ_UNCOMMITTED,
                request_timeout=_ASKING_SECONDS,
            )
            return {place.partition: future.result(SECONDS).offset for place, future in found.items()}

        return patiently(ask, f"asking for the offsets of {self.topic}")

    def since(self, partition: int, instant: datetime) -> int | None:
        """Return the first offset written at or after `instant` (aware); None when there is none."""
        place = TopicPartition(self.topic, partition, int(instant.timestamp() * _SECOND_MS))

        def ask() -> int:
            (found,) = self._consumer.offsets_for_times([place], _ASKING_SECONDS)
            if found.error is not None:
                raise KafkaException(found.error)
            return int(found.offset)

        offset = patiently(ask, f"asking for offsets of {self.topic}/{partition} by time")
        return offset if offset >= 0 else None

    def read(self, partition: int, start: int, end: int) -> Iterator[Message]:
        """Yield the committed records of `start <= offset < end`, in order.

        Waits for transactions that are open before `end`; raises `BrokerUnavailable` when that takes too long.
        """
        if start >= end:
            return
        self._consumer.assign([TopicPartition(self.topic, partition, start)])
        deadline = time.monotonic() + SECONDS
        try:
            while True:
                for message in self._consumer.consume(_AT_ONCE, _POLL_SECONDS):
                    error = message.error()
                    if error is not None and error.code() != _END:
                        raise named(error, f"reading {self.topic}/{partition}")
                    if message.offset() >= end:
                        return
                    if error is None:
                        deadline = time.monotonic() + SECONDS
                        yield message
                if time.monotonic() > deadline:
                    raise BrokerUnavailable(f"{self.topic}/{partition} could not be read up to offset {end}; try again")
        finally:
            self._consumer.unassign()

    def close(self) -> None:
        """Let go of the brokers."""
        self._consumer.close()


def part_of(message: Message) -> int:
    """Return a block's place among those of its partition that were committed together."""
    found = dict(message.headers() or ()).get(BlockHeader.PART.value)
    return int(found) if found is not None else 0


_ADMIN = frozenset({"bootstrap", "security", "sasl", "ssl", "client", "logger"})
