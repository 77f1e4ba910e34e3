"""The memory of a partition from its committed blocks: newest first, until its bounds or the log's beginning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import Message

from outlay_streams.dedupe import Deduper
from outlay_streams.runtime.kafka_meter.memory import EPOCH, Horizon, Memory
from outlay_streams.runtime.kafka_meter.spend_log import Bounds, SpendLog, part_of
from outlay_streams.runtime.ports import Clock
from outlay_streams.wire import decode_ids

_FIRST = 256
_TICK = timedelta(milliseconds=1)
_ROOM = 1.1
_COLUMNS = ["id_hash", "content_hash", "received"]


@dataclass(frozen=True, slots=True)
class _Seen:
    """The ids of one block."""

    offset: int
    ids: pa.Table

    @property
    def received(self) -> datetime | None:
        """When the block was received; None for one without ids."""
        moment: datetime | None = pc.max(self.ids["received"]).as_py()
        return moment


@dataclass(slots=True)
class Rebuilder:
    """Rebuilds memories, and keeps the blocks of each partition's last transaction for whoever sends their cells."""

    log: SpendLog
    horizon: Horizon
    clock: Clock

    def rebuilt(self, partition: int, bounds: Bounds) -> tuple[Memory, list[Message]]:
        """Return the memory of a partition, and the blocks that were committed last, together. Raises `BrokerError`."""
        last: list[Message] = []
        spans: list[list[_Seen]] = []
        start, found, length, floor = bounds.end, 0, _FIRST, bounds.start
        while start > floor and found < self.horizon.ids:
            begin = max(floor, start - length)
            newest = not last
            span = [self._seen(message, last if newest else None) for message in self.log.read(partition, begin, start)]
            if newest and last:
                floor = self._floor(partition, bounds, last[-1])
            spans.append([block for block in span if block.offset >= floor])
            found += sum(block.ids.num_rows for block in spans[-1])
            start = max(begin, floor)
            missing = self.horizon.ids - found
            read = bounds.end - start
            length = max(2 * length, int(_ROOM * missing * read / found) + 1 if found else 0)
        blocks = [block for span in reversed(spans) for block in span if block.ids.num_rows]
        memory = self._memory(blocks, bounds, complete=start == 0)
        memory.after_last = last[-1].offset() + 1 if last else 0
        return memory, last

    def caught_up(self, memory: Memory, partition: int, bounds: Bounds) -> list[Message]:
        """Take in what others committed since; return the blocks committed last, empty if nothing was."""
        last: list[Message] = []
        for message in self.log.read(partition, memory.next_block, bounds.end):
            block = self._seen(message, last)
            memory.remember(block.ids, received=block.received or memory.last_received, offset=block.offset)
        memory.next_block = bounds.end
        return last

    def _floor(self, partition: int, bounds: Bounds, newest: Message) -> int:
        """Return from where on blocks are within the horizon of the newest: the log's time, not the clock's.

        A clock that is wrong, or a silence, must not leave out the newest blocks: their cells may be unsent.
        """
        written = EPOCH + timedelta(milliseconds=newest.timestamp()[1])
        since = self.log.since(partition, written - self.horizon.time)
        return bounds.start if since is None else max(bounds.start, since)

    def _seen(self, message: Message, last: list[Message] | None) -> _Seen:
        if last is not None:
            if part_of(message) == 0:
                last.clear()
            last.append(message)
        return _Seen(message.offset(), decode_ids(message.value()).select(_COLUMNS))

    def _memory(self, blocks: list[_Seen], bounds: Bounds, *, complete: bool) -> Memory:
        newest = (blocks[-1].received if blocks else None) or EPOCH
        deduper = Deduper.rebuilt(_tables(blocks), now=newest, horizon=self.horizon.time, most=self.horizon.ids)
        if not complete:
            oldest = blocks[0].received if blocks else None
            known_since = oldest if oldest is not None else self.clock.now()
            deduper.covered_since = max(deduper.covered_since, known_since + _TICK)
        memory = Memory(deduper, next_block=bounds.end, last_received=newest)
        for block in blocks:
            memory.mark(block.received or newest, block.offset)
        return memory


def _tables(blocks: list[_Seen]) -> Iterator[pa.Table]:
    return (block.ids for block in blocks)
