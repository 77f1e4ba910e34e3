"""The loader: reads blocks and refused events, stores them, and notes how far it came.

One thread reads and decides, workers store, a partition a worker at a time. While the store is away the thread goes on
polling, so that the group knows it lives; nothing is noted that is not stored.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass
from time import monotonic, time
from typing import Any

import structlog
from confluent_kafka import Message

from outlay_infra.errors import StoreError
from outlay_infra.kafka.client import Config
from outlay_streams.runtime.loader.errors import BlockRefused
from outlay_streams.runtime.loader.group import Group, Place
from outlay_streams.runtime.loader.line import Bounds, Line
from outlay_streams.runtime.loader.metrics import LoaderMetrics
from outlay_streams.runtime.loader.ports import Store
from outlay_streams.runtime.loader.sources import RejectedSource, Source, SpendSource

_IDLE_SECONDS = 0.2
_BUSY_SECONDS = 0.01
_RELEASE_SECONDS = 20.0
"""How long partitions that are taken away wait for the inserts under way."""
_REFUSED_SECONDS = 60.0
"""How often a refused block is tried again: the store may have been corrected."""
_SUM_BLOCKS = 256
_SUM_SECONDS = 2.0

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderOptions:
    """What a loader is told beside its parts."""

    spend: str
    """The topic of blocks."""
    rejected: str
    """The topic of refused events."""
    parallel: int
    """Partitions stored at once."""
    bounds: Bounds


class Loader:
    """Runs in the thread that calls `run`."""

    def __init__(
        self,
        options: LoaderOptions,
        config: Config,
        *,
        store: Store,
        workers: Executor,
        metrics: LoaderMetrics,
        turned: Callable[[], None],
    ) -> None:
        """Join the group; `turned` is called at every turn."""
        self._options = options
        self._store = store
        self._workers = workers
        self._metrics = metrics
        self._turned = turned
        self._lines: dict[Place, Line] = {}
        self._done: dict[Place, int] = {}
        """Offsets to go on from, not yet committed."""
        self._position: dict[Place, int] = {}
        self._began: dict[Place, float] = {}
        self._summing: Future[None] | None = None
        self._summed_at = monotonic()
        self._away: str | None = None
        self._group = Group(config, (options.spend, options.rejected), given=self._given, taken=self._taken)

    def run(self, stop: threading.Event) -> None:
        """Load until told to stop, then end what is under way. Raises `BrokerError`."""
        try:
            while not stop.is_set():
                self.turn()
        finally:
            self._group.close()  # takes every partition away, which ends and commits what is under way

    def turn(self) -> None:
        """Read, take over what was stored, begin what can be, and note how far it came."""
        self._turned()
        for message in self._group.read(self._patience()):
            line = self._lines.get((message.topic(), message.partition()))
            if line is not None:
                line.add(message)
        now = monotonic()
        for place, line in list(self._lines.items()):
            if line.busy is not None and line.busy.done():
                self._end(place, line, now)
        self._begin(now)
        self._sum_up(now)
        self._group.commit(self._done, wait=False)
        self._done.clear()
        self._throttle()
        self._observe()

    def not_ready(self) -> str | None:
        """Return why this loader does not do its work, None while it does."""
        if not self._group.joined:
            return "the group has not given it partitions yet"
        stopped = [str(line.refused) for line in list(self._lines.values()) if line.refused is not None]
        return "; ".join(stopped) or self._away

    def _patience(self) -> float:
        under_way = any(line.busy is not None for line in self._lines.values())
        ready = any(line.due(monotonic()) for line in self._lines.values())
        return _BUSY_SECONDS if under_way or ready else _IDLE_SECONDS

    def _begin(self, now: float) -> None:
        running = sum(line.busy is not None for line in self._lines.values())
        due = sorted((place for place, line in self._lines.items() if line.due(now)), key=self._oldest)
        for place in due[: max(0, self._options.parallel - running)]:
            self._lines[place].begin(self._store, self._workers)
            self._began[place] = now

    def _oldest(self, place: Place) -> float:
        line = self._lines[place]
        return _written(line.unit.records[0] if line.unit is not None else line.waiting[0])

    def _end(self, place: Place, line: Line, now: float) -> None:
        unit = line.unit
        try:
            stored, end = line.end()
        except BlockRefused as error:
            self._metrics.failures.labels("refused").inc()
            line.fail(now, after=_REFUSED_SECONDS)
            line.refused = error
            _log.error("block_refused", error=str(error), effect="its partition waits; the others go on")
        except StoreError as error:
            self._metrics.failures.labels("store").inc()
            seconds = line.backoff.fail()
            line.fail(now, after=seconds)
            if self._away is None:
                _log.warning(
                    "store_away", error=str(error), partition=line.source.name, effect="tried again, nothing lost"
                )
            self._away = f"the store does not take blocks: {error}"
        else:
            if self._away is not None:
                _log.info("store_back")
            self._away = None
            self._done[place] = self._position[place] = end
            self._metrics.blocks.labels("stored").inc(stored.blocks)
            self._metrics.blocks.labels("skipped").inc(stored.skipped)
            self._metrics.entries.inc(stored.entries)
            self._metrics.seconds.observe(now - self._began[place])
            if unit is not None and stored.blocks:
                self._metrics.visible.observe(max(0.0, time() - _written(unit.records[0])))

    def _sum_up(self, now: float) -> None:
        """Sum users and latencies beside everything else; a failure is made up for the next time."""
        if self._summing is not None:
            if not self._summing.done():
                return
            error, self._summing = self._summing.exception(), None
            if error is not None:
                _log.warning("sums_postponed", error=str(error))
                for line in self._lines.values():
                    line.unsummed = max(line.unsummed, line.source.summed)
        unsummed = [line for line in self._lines.values() if line.unsummed]
        blocks = sum(line.unsummed for line in unsummed)
        if blocks >= _SUM_BLOCKS or (blocks and now - self._summed_at > _SUM_SECONDS):
            self._summed_at = now
            for line in unsummed:
                line.unsummed = 0
            self._summing = self._workers.submit(self._store.sum_up, [line.source.name for line in unsummed])

    def _sum_last(self, names: list[str]) -> None:
        """Sum what leaves this loader up; whoever takes it over makes up for a failure."""
        if names and self._away is None:
            wait([summing := self._workers.submit(self._store.sum_up, names)], timeout=_RELEASE_SECONDS)
            if summing.done() and summing.exception() is not None:
                _log.warning("sums_postponed", error=str(summing.exception()))

    def _throttle(self) -> None:
        for paused in (True, False):
            changed = [p for p, line in self._lines.items() if line.full is paused and line.paused is not paused]
            self._group.pause(changed, paused=paused)
            for place in changed:
                self._lines[place].paused = paused

    def _observe(self) -> None:
        self._metrics.partitions.set(len(self._lines))
        self._metrics.waiting.set(sum(line.nbytes for line in self._lines.values()))
        self._metrics.stopped.set(sum(line.refused is not None for line in self._lines.values()))
        self._metrics.away.set(self._away is not None)
        for place, end in self._group.ends().items():
            if place in self._position or self._lines[place].empty:
                lag = max(0, end - self._position.get(place, end))
                self._metrics.lag.labels(self._lines[place].source.name).set(lag)

    def _given(self, places: Sequence[Place]) -> None:
        for topic, partition in places:
            kind = SpendSource if topic == self._options.spend else RejectedSource
            source: Source = kind(topic, partition)
            # An earlier loader may have left users and latencies unsummed.
            self._lines[topic, partition] = Line(
                source=source, bounds=self._options.bounds, unsummed=int(source.summed)
            )
        _log.info("partitions_given", partitions=_named(places), now=_named(self._lines))

    def _taken(self, places: Sequence[Place], lost: bool) -> Mapping[Place, int]:
        """Let go of partitions; what is being stored is waited for, and only then noted."""
        leaving = {place: self._lines[place] for place in places if place in self._lines}
        under_way: list[Future[Any]] = [line.busy for line in leaving.values() if line.busy is not None]
        if self._summing is not None:
            under_way.append(self._summing)
        wait(under_way, timeout=_RELEASE_SECONDS)
        now = monotonic()
        for place, line in leaving.items():
            if line.busy is not None and line.busy.done():
                self._end(place, line, now)
            del self._lines[place]
            self._position.pop(place, None)
        if not lost:
            self._sum_last([line.source.name for line in leaving.values() if line.unsummed])
        self._metrics.lag.clear()
        _log.info("partitions_taken", partitions=_named(places), now=_named(self._lines))
        return {place: self._done.pop(place) for place in places if place in self._done}


def _named(places: Iterable[Place]) -> list[str]:
    return [f"{topic}/{partition}" for topic, partition in sorted(places)]


def _written(message: Message) -> float:
    """Return when a record was written, in seconds since 1970."""
    return float(message.timestamp()[1]) / 1000
