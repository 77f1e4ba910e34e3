"""What one transaction is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from confluent_kafka import Message, TopicPartition

from outlay_schemas.topics import BlockHeader, Topics
from outlay_streams.runtime.kafka_meter.blocks import Blocks, Made
from outlay_streams.runtime.kafka_meter.records import Chunk
from outlay_streams.runtime.kafka_meter.transactions import Output


@dataclass(slots=True)
class Turn:
    """Records in and records out; the blocks come first, so that their offsets do."""

    chunks: list[Chunk] = field(default_factory=list)
    """The records it commits the offsets of."""
    made: list[tuple[int, Made]] = field(default_factory=list)
    """Blocks and the partition of each, in order."""
    deferred: list[tuple[int, Message]] = field(default_factory=list)
    """Late records and the partition of each, passed on as they came."""
    blocks: dict[int, Blocks] = field(default_factory=dict)
    """What makes the blocks of each partition."""

    def offsets(self) -> list[TopicPartition]:
        """Return where each partition goes on afterwards."""
        ends: dict[tuple[str, int], int] = {}
        for chunk in self.chunks:
            ends[chunk.topic, chunk.partition] = max(ends.get((chunk.topic, chunk.partition), 0), chunk.end)
        return [TopicPartition(topic, partition, end) for (topic, partition), end in ends.items()]

    def outputs(self, topics: Topics) -> list[Output]:
        """Return what is written: blocks, refused events, late ones."""
        return [*self._spend(topics), *self._refused(topics), *self._late(topics)]

    def _spend(self, topics: Topics) -> Iterator[Output]:
        parts: dict[int, int] = {}
        for partition, made in self.made:
            part = parts[partition] = parts.get(partition, -1) + 1
            headers = [(BlockHeader.INPUT.value, made.covered.encode()), (BlockHeader.PART.value, str(part).encode())]
            yield Output(topic=topics.spend.name, partition=partition, value=made.value, headers=headers)

    def _refused(self, topics: Topics) -> Iterator[Output]:
        for _, made in self.made:
            for one in made.refused:
                yield Output(topic=topics.usage_rejected.name, key=one.key, value=one.value, headers=one.headers)

    def _late(self, topics: Topics) -> Iterator[Output]:
        for partition, message in self.deferred:
            yield Output(
                topic=topics.usage_late.name,
                partition=partition,
                key=message.key(),
                value=message.value(),
                headers=message.headers() or (),
            )
