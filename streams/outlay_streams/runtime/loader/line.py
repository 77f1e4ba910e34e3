"""One partition on its way into the store: what waits, what is being stored, and when to try again."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace

from confluent_kafka import Message

from outlay_streams.runtime.loader.backoff import Backoff
from outlay_streams.runtime.loader.errors import BlockRefused
from outlay_streams.runtime.loader.ports import Store
from outlay_streams.runtime.loader.sources import Source
from outlay_streams.runtime.loader.unit import Stored, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much is stored at once, and how much of a partition may wait in memory."""

    blocks: int = 64
    nbytes: int = 8 * 1024 * 1024
    waiting: int = 32 * 1024 * 1024


@dataclass(slots=True, kw_only=True)
class Line:
    """The line of one partition."""

    source: Source
    bounds: Bounds
    waiting: deque[Message] = field(default_factory=deque)
    nbytes: int = 0
    paused: bool = False
    busy: Future[Stored] | None = None
    unit: Unit | None = None
    """What is being stored, or has to be tried again."""
    ask: bool = True
    """Whether the store may hold what comes next: until a whole unit was new to it."""
    not_before: float = 0.0
    backoff: Backoff = field(default_factory=Backoff)
    refused: BlockRefused | None = None
    unsummed: int = 0
    """Blocks stored since users and latencies were summed."""

    def add(self, message: Message) -> None:
        """Take a record in."""
        self.waiting.append(message)
        self.nbytes += len(message)

    @property
    def full(self) -> bool:
        """Whether no more should be read."""
        return self.nbytes > self.bounds.waiting

    @property
    def empty(self) -> bool:
        """Whether nothing is there to store."""
        return not self.waiting and self.unit is None

    def due(self, now: float) -> bool:
        """Return whether something can be begun."""
        return self.busy is None and not self.empty and now >= self.not_before

    def begin(self, store: Store, workers: Executor) -> None:
        """Begin to store the next unit, or the one that failed again."""
        if self.unit is None:
            self.unit = Unit(source=self.source, records=self._next(), ask=self.ask)
        self.busy = workers.submit(self.unit.store, store)

    def _next(self) -> list[Message]:
        records: list[Message] = []
        nbytes = 0
        while self.waiting and len(records) < self.bounds.blocks and nbytes < self.bounds.nbytes:
            records.append(self.waiting.popleft())
            nbytes += len(records[-1])
        self.nbytes -= nbytes
        return records

    def end(self) -> tuple[Stored, int]:
        """Take over what the worker did: return it, and the offset to go on from. Raises what the worker raised."""
        assert self.busy is not None  # noqa: S101 - the caller looked
        assert self.unit is not None  # noqa: S101 - set with it
        busy, self.busy = self.busy, None
        stored = busy.result()
        end, self.unit = self.unit.end, None
        self.backoff.succeed()
        self.refused = None
        self.ask = self.ask and stored.skipped > 0
        self.unsummed += stored.blocks if self.source.summed else 0
        return stored, end

    def fail(self, now: float, *, after: float) -> None:
        """Try the same unit again `after` seconds; the store may hold part of it then."""
        self.not_before = now + after
        self.ask = True
        if self.unit is not None:
            self.unit = replace(self.unit, ask=True)
