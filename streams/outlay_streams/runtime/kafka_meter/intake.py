"""Records in: both topics of a partition by the same meter, a batch at a time, never a record of a lost partition.

Assignment is by range and all at once (eager): both topics have the same number of partitions, so range gives partition
p of both to one meter. Reading pauses from an assignment until the meter has the memory of its partitions.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from outlay_infra.kafka.client import Config
from outlay_infra.kafka.errors import named
from outlay_streams.runtime.kafka_meter.errors import Fenced, UnevenTopics
from outlay_streams.runtime.kafka_meter.patience import passes, patiently
from outlay_streams.runtime.kafka_meter.records import Chunk

_AT_ONCE = 2_000
_ASKING_SECONDS = 30.0
_TICK = 0.001
"""The shortest wait the client library knows."""
# Fatal to a consumer is nothing but another member of its name; librdkafka's own errors begin with an underscore.
_FENCED = frozenset({KafkaError._FATAL, KafkaError._FENCED, KafkaError.FENCED_INSTANCE_ID})  # noqa: SLF001
_TOO_SLOW = KafkaError._MAX_POLL_EXCEEDED  # noqa: SLF001 - it joins again

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """When a batch is full: by events, by bytes, or by time in seconds."""

    events: int
    nbytes: int
    seconds: float


class Intake:
    """Consumes in one thread. Methods raise `BrokerError` and `MeterError`."""

    def __init__(self, config: Config, topics: Sequence[str], batching: Batching) -> None:
        """Join the group; `config` is that of `consumer_config`."""
        self._consumer = Consumer(config | {"partition.assignment.strategy": "range"})
        self._batching = batching
        self._topics = tuple(topics)
        self._fault: Exception | None = None
        self.assigned: tuple[int, ...] | None = None
        """The partitions of every topic that are this meter's; None while the group gives them out anew."""
        self.changed = False
        """Whether they changed since `resume`; nothing is read until then."""
        self._consumer.subscribe(
            list(topics), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
        )

    def gather(self, *, wait: bool = True) -> list[Message]:
        """Return what comes until a batch is full, or what is there; nothing when the assignment changed meanwhile."""
        deadline = time.monotonic() + (self._batching.seconds if wait else 0.0)
        found: list[Message] = []
        nbytes = 0
        while len(found) < self._batching.events and nbytes < self._batching.nbytes:
            left = deadline - time.monotonic()
            wanted = min(_AT_ONCE, self._batching.events - len(found))
            some = self._consumer.consume(wanted, left if left > _TICK else 0.0)
            self._check()
            if self.changed:
                return []
            good = [message for message in some if message.error() is None or not self._failed(message)]
            nbytes += sum(map(len, good))
            found += good
            if not some and left <= _TICK:
                break
        return found

    def resume(self) -> None:
        """Read again after a change of the assignment."""
        self.changed = False
        if self.assigned:
            self._consumer.resume(self._consumer.assignment())

    def hold(self, topic: str, partitions: Iterable[int], *, held: bool) -> None:
        """Read no more of some partitions of `topic`, or read them again."""
        mine = [TopicPartition(topic, partition) for partition in partitions if partition in (self.assigned or ())]
        if mine:
            (self._consumer.pause if held else self._consumer.resume)(mine)

    def rewind(self, chunks: Iterable[Chunk]) -> None:
        """Read the records of `chunks` again, unless the assignment changes, which rereads them anyway."""
        first: dict[tuple[str, int], int] = {}
        for chunk in chunks:
            place = (chunk.topic, chunk.partition)
            first[place] = min(first.get(place, chunk.first), chunk.first)
        for (topic, partition), offset in first.items():
            try:
                self._consumer.seek(TopicPartition(topic, partition, offset))
            except KafkaException as error:
                raise named(error, f"going back to offset {offset} of {topic}/{partition}") from None

    def group(self) -> Any:
        """Return the group and this member's generation: what a transaction's offsets are checked against."""
        return self._consumer.consumer_group_metadata()

    def lags(self) -> dict[tuple[str, int], int]:
        """Return how many records of each topic and partition are yet to be read."""
        places = [TopicPartition(topic, partition) for topic in self._topics for partition in self.assigned or ()]
        found = {}
        for place in self._consumer.position(places) if places else ():
            low, high = self._consumer.get_watermark_offsets(place, cached=True)
            if high >= 0:
                found[place.topic, place.partition] = max(0, high - (place.offset if place.offset >= 0 else low))
        return found

    def close(self) -> None:
        """Leave the group; a member by a name of its own keeps its partitions until it is missed."""
        self._consumer.close()

    def _on_assign(self, consumer: Consumer, given: list[TopicPartition]) -> None:
        """Take over where committed offsets say, once no transaction is left that could still move them."""
        try:
            self._check_even(given)
            consumer.assign(_committed(consumer, given))
            consumer.pause(given)
            self.assigned = tuple(sorted({one.partition for one in given}))
        except Exception as error:  # noqa: BLE001 - raised again where it can be handled
            self._fault = error
        self.changed = True

    def _check_even(self, given: list[TopicPartition]) -> None:
        by_topic = {topic: sorted(one.partition for one in given if one.topic == topic) for topic in self._topics}
        if len(set(map(tuple, by_topic.values()))) > 1:
            told = ", ".join(f"{topic}: {partitions}" for topic, partitions in by_topic.items())
            raise UnevenTopics(f"topics that belong together were given unevenly ({told}); run outlay topics apply")

    def _on_revoke(self, consumer: Consumer, _taken: list[TopicPartition]) -> None:
        consumer.unassign()
        self.assigned = None
        self.changed = True

    def _check(self) -> None:
        if self._fault is not None:
            fault, self._fault = self._fault, None
            raise named(fault, "taking partitions over") if isinstance(fault, KafkaException) else fault

    def _failed(self, message: Message) -> bool:
        error: KafkaError = message.error()
        if error.code() in _FENCED:
            raise Fenced(f"{error.str()}; another meter of this name runs")
        if error.fatal() or not (passes(error) or error.code() == _TOO_SLOW):
            raise named(error, f"reading {message.topic()}")
        _log.warning("reading_failed", error=error.str())
        return True


def _committed(consumer: Consumer, given: list[TopicPartition]) -> list[TopicPartition]:
    """Return where each partition goes on. An open transaction that may still move it is waited for."""

    def ask() -> list[TopicPartition]:
        found: list[TopicPartition] = consumer.committed(given, _ASKING_SECONDS)
        for one in found:
            if one.error is not None:
                raise KafkaException(one.error)
        return found

    return patiently(ask, "asking for committed offsets") if given else []
