"""The meter: usage records in, blocks out, each counted exactly once whatever dies.

A turn gathers records, meters them and commits blocks, refused events and input offsets as one transaction; then the
blocks' cells go out and their ids are remembered. A turn that fails is read again, for nothing is remembered before
the commit. One thread does it all, but for decoding, which runs a batch ahead.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep

import pyarrow as pa
import structlog

from outlay_infra.kafka.errors import BrokerError, BrokerUnavailable
from outlay_schemas.topics import Topics
from outlay_streams.decode.avro import Writers
from outlay_streams.runtime.kafka_meter.blocks import Blocks, Made
from outlay_streams.runtime.kafka_meter.cells_out import CellsOut
from outlay_streams.runtime.kafka_meter.decoding import Decoded, decoded
from outlay_streams.runtime.kafka_meter.errors import Aborted
from outlay_streams.runtime.kafka_meter.intake import Intake
from outlay_streams.runtime.kafka_meter.late import LateLane
from outlay_streams.runtime.kafka_meter.memory import EPOCH, Memory
from outlay_streams.runtime.kafka_meter.metrics import MeterMetrics
from outlay_streams.runtime.kafka_meter.poison import PoisonBound, PoisonWatch
from outlay_streams.runtime.kafka_meter.rebuilding import Rebuilder
from outlay_streams.runtime.kafka_meter.records import Chunk, chunks
from outlay_streams.runtime.kafka_meter.spend_log import Bounds
from outlay_streams.runtime.kafka_meter.transactions import Transactions
from outlay_streams.runtime.kafka_meter.turn import Turn
from outlay_streams.runtime.ports import Clock, OrgRules
from outlay_streams.wire import Mark, decode_block

SPEND = "spend"
"""How the topic is called in blocks and marks, whatever its prefix."""

_MS = timedelta(milliseconds=1)
_MOST_ABORTS = 20
_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
_MANY = 100
_WARNING_SECONDS = 60.0

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterOptions:
    """What a meter is told beside its parts."""

    topics: Topics
    org: str
    """The org of records that name none."""
    block_bytes: int
    """Bytes a block may take on the wire."""
    poison: PoisonBound


@dataclass(frozen=True, slots=True)
class _Ahead:
    """A batch that is being decoded while the one before it is metered."""

    chunks: list[Chunk]
    decoded: Future[list[Decoded]]


class Meter:
    """Runs in the thread that calls `run`."""

    def __init__(
        self,
        options: MeterOptions,
        *,
        intake: Intake,
        transactions: Transactions,
        cells: CellsOut,
        rebuilder: Rebuilder,
        late: LateLane,
        rules: Callable[[str], OrgRules],
        writers: Writers,
        clock: Clock,
        metrics: MeterMetrics,
        turned: Callable[[], None],
        assigned: threading.Event,
    ) -> None:
        """Take the parts over; `turned` is called at every turn, `assigned` set once partitions were given out."""
        self._options = options
        self._intake = intake
        self._transactions = transactions
        self._cells = cells
        self._rebuilder = rebuilder
        self._late = late
        self._rules = rules
        self._writers = writers
        self._clock = clock
        self._metrics = metrics
        self._turned = turned
        self._assigned = assigned
        self._decoder = ThreadPoolExecutor(1, thread_name_prefix="decode")
        self._ahead: _Ahead | None = None
        self._memories: dict[int, Memory] = {}
        self._watches: dict[tuple[str, int], PoisonWatch] = {}
        self._aborts = 0
        self._next_warning = 0.0

    def run(self, stop: threading.Event) -> None:
        """Meter until told to stop. Raises `MeterError` and `BrokerError`."""
        with self._decoder:
            while not stop.is_set():
                self.turn()
            self._cells.flush()

    def turn(self) -> None:
        """Gather a batch and have it decoded, meanwhile meter and commit the one before it."""
        self._turned()
        with self._metrics.timed("gather"):
            messages = self._intake.gather(wait=self._ahead is None)
        if self._intake.changed:
            self._ahead = None
            self._take_over()
            return
        ready, self._ahead = self._ahead, self._begun(chunks(messages))
        turn = Turn()
        try:
            with self._metrics.timed("decode"):
                live = self._live(ready.decoded.result(), turn) if ready is not None else []
        except BrokerUnavailable as error:  # the schema registry
            self._again(Turn() if ready is None else Turn(chunks=ready.chunks), error)
            return
        with self._metrics.timed("meter"):
            self._meter_late(turn)
            for one in live:
                self._meter(one, turn)
        if turn.chunks:
            self._commit(turn)
        self._observe()

    def _begun(self, found: list[Chunk]) -> _Ahead | None:
        if not found:
            return None
        now = _milliseconds(self._clock.now())
        work = self._decoder.submit(decoded, found, org=self._options.org, now=now, writers=self._writers)
        return _Ahead(found, work)

    def _take_over(self) -> None:
        """Have the memory of the partitions given, and send what an earlier meter of them may have left unsent.

        Memories outlast the moment in which the group gives its partitions out anew, for most come back.
        """
        self._late.clear()
        self._watches.clear()
        self._metrics.forget_lags()
        mine = self._intake.assigned
        if mine is None:
            self._intake.resume()
            return
        with self._metrics.timed("rebuild"):
            bounds = self._rebuilder.log.bounds(mine)
            self._memories = {partition: self._memories[partition] for partition in mine if partition in self._memories}
            for partition in mine:
                self._turned()
                self._remember(partition, bounds)
        self._cells.flush()
        self._intake.resume()
        self._assigned.set()
        ids = sum(len(memory.deduper) for memory in self._memories.values())
        _log.info("partitions_taken_over", partitions=list(mine), ids=ids)

    def _remember(self, partition: int, bounds: Mapping[int, Bounds]) -> None:
        known = self._memories.get(partition)
        if known is None:
            self._memories[partition], last = self._rebuilder.rebuilt(partition, bounds[partition])
        else:
            last = self._rebuilder.caught_up(known, partition, bounds[partition])
        for message in last:
            block = decode_block(message.value(), _name(partition), message.offset())
            self._cells.send(block.cells, Mark(block.partition, block.offset))

    def _live(self, found: list[Decoded], turn: Turn) -> list[Decoded]:
        """Return what can be metered now: late chunks are held, old events of live ones passed on to the late lane."""
        live = []
        for one in found:
            chunk = one.chunk
            self._watch(chunk).see(len(chunk.messages), one.batch.rejected.tolist())
            if chunk.topic == self._options.topics.usage_late.name:
                self._late.hold(one)
                self._intake.hold(chunk.topic, [chunk.partition], held=True)
                continue
            old = self._memories[chunk.partition].deduper.needs_lookup(one.batch.usage["time"].to_numpy())
            turn.deferred += [(chunk.partition, chunk.messages[place]) for place in one.batch.rows[old]]
            if old.all() and len(old) > _MANY:
                self._warn_of_short_memory(chunk.partition)
            turn.chunks.append(chunk)
            live.append(one.without(old))
        return live

    def _warn_of_short_memory(self, partition: int) -> None:
        if monotonic() >= self._next_warning:
            self._next_warning = monotonic() + _WARNING_SECONDS
            since = self._memories[partition].deduper.covered_since
            fix = "raise ledger.dedupe_ids, unless this is a back-fill"
            _log.warning("every_event_is_late", partition=partition, remembered_since=since.isoformat(), fix=fix)

    def _watch(self, chunk: Chunk) -> PoisonWatch:
        place = (chunk.topic, chunk.partition)
        if place not in self._watches:
            self._watches[place] = PoisonWatch(self._options.poison, f"{chunk.topic}/{chunk.partition}")
        return self._watches[place]

    def _meter_late(self, turn: Turn) -> None:
        ready = self._late.ready(self._memories)
        if ready is not None:
            for one in ready.chunks:
                turn.chunks.append(one.chunk)
                self._meter(one, turn, looked_up=ready.found)

    def _meter(self, one: Decoded, turn: Turn, looked_up: pa.Table | None = None) -> None:
        if one.empty:
            return
        partition = one.chunk.partition
        memory = self._memories[partition]
        blocks = turn.blocks.get(partition)
        if blocks is None:
            blocks = turn.blocks[partition] = Blocks(
                partition=_name(partition), memory=memory, rules=self._rules, limit=self._options.block_bytes
            )
        newest = EPOCH + int(one.times.max()) * _MS
        made = blocks.made(one, received=max(newest, memory.last_received), looked_up=looked_up)
        turn.made += [(partition, one) for one in made]

    def _commit(self, turn: Turn) -> None:
        with self._metrics.timed("cells"):
            self._cells.flush()
        outputs = turn.outputs(self._options.topics)
        try:
            with self._metrics.timed("commit"):
                offsets = self._transactions.commit(outputs, turn.offsets(), self._intake.group())
        except Aborted as error:
            self._again(turn, error)
            return
        self._aborts = 0
        self._metrics.transactions.labels("committed").inc()
        self._metrics.deferred.inc(len(turn.deferred))
        with self._metrics.timed("cells"):
            for (partition, made), offset in zip(turn.made, offsets, strict=False):
                self._committed(partition, made, offset)
        late = {chunk.partition for chunk in turn.chunks if chunk.topic == self._options.topics.usage_late.name}
        still = {held.chunk.partition for held in self._late.held}
        self._intake.hold(self._options.topics.usage_late.name, late - still, held=False)

    def _committed(self, partition: int, made: Made, offset: int) -> None:
        memory = self._memories[partition]
        memory.remember(made.block.ids, received=made.received, offset=offset)
        memory.sent_prices |= made.prices
        self._cells.send(made.block.cells, Mark(_name(partition), offset))
        self._metrics.count(made.block, len(made.value))

    def _again(self, turn: Turn, error: Exception) -> None:
        """Go back to where the turn began; raise `BrokerError` when that was done too often in a row."""
        self._metrics.transactions.labels("aborted").inc()
        self._aborts += 1
        if self._aborts >= _MOST_ABORTS:
            raise BrokerError(f"{self._aborts} transactions in a row did not take place: {error}") from error
        _log.warning("batch_begun_again", error=str(error), attempt=self._aborts)
        sleep(min(_LONGEST_PAUSE, _PAUSE * self._aborts))
        ahead = self._ahead.chunks if self._ahead is not None else []
        self._intake.rewind([*turn.chunks, *(held.chunk for held in self._late.held), *ahead])
        self._ahead = None
        self._late.clear()
        self._watches.clear()
        self._intake.hold(self._options.topics.usage_late.name, self._memories, held=False)

    def _observe(self) -> None:
        metrics = self._metrics
        memories = self._memories.values()
        metrics.partitions.set(len(self._memories))
        metrics.ids.set(sum(len(memory.deduper) for memory in memories))
        metrics.id_bytes.set(sum(memory.deduper.nbytes for memory in memories))
        metrics.late_waiting.set(self._late.waiting_events)
        for (topic, partition), lag in self._intake.lags().items():
            metrics.lag.labels(topic, str(partition)).set(lag)


def _name(partition: int) -> str:
    return f"{SPEND}/{partition}"


def _milliseconds(instant: datetime) -> int:
    return (instant.astimezone(UTC) - EPOCH) // _MS
