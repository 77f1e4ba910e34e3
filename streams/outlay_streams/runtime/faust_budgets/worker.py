"""A budgets worker: cells into books, states out at once, rows kept now and then, and cells acknowledged last.

States are whole and rows carry marks, so whatever is read again after a crash changes nothing.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from time import monotonic, time
from typing import Protocol

import pyarrow as pa
import structlog

from outlay_streams.budgets import Start
from outlay_streams.runtime.faust_budgets.errors import Stood
from outlay_streams.runtime.faust_budgets.metrics import BudgetsMetrics
from outlay_streams.runtime.faust_budgets.ports import KeyedRows, Outlet, Received
from outlay_streams.runtime.faust_budgets.shelf import CatalogOf, Records, Shelf

_MOST_WAITING = 1_000
"""Records that are in the books of a partition and not in its rows, above which no more are taken in."""
_AT_ONCE = 200
"""States or rows encoded before others get their turn."""
_READ_AT_ONCE = 1_000
"""Records read again before they are added."""
_WINDOWS_SECONDS = 5.0
"""How often windows are published: their finest bucket is a minute."""
_TICK_SECONDS = 0.1

_log = structlog.get_logger()


class CellsLog(Protocol):
    """Cells as the topic still has them. Methods block, and raise `BrokerError`."""

    def first(self, partitions: Collection[int], /) -> Mapping[int, int]:
        """Return the offset of the oldest record of each partition, or of the next one where none is kept."""
        ...

    def read(self, partition: int, start: int, end: int, /) -> list[Received]:
        """Return the records of `start <= offset < end`, in order."""
        ...


class Worker:
    """Lives in one event loop. What the app tells it comes in by `given`, `taken` and `receive`."""

    def __init__(
        self,
        log: CellsLog,
        *,
        catalog_of: CatalogOf,
        orgs: Callable[[], Iterable[str]],
        metrics: BudgetsMetrics,
        reading: threading.Event,
        stand_seconds: float,
    ) -> None:
        """Prepare; `orgs` tells the organisations with budgets, `stand_seconds` after which others take over.

        `reading` is set once the group gave it partitions, be it none.
        """
        self._log = log
        self._catalog_of = catalog_of
        self._orgs = orgs
        self._metrics = metrics
        self._reading = reading
        self._stand_seconds = stand_seconds
        self._shelves: dict[int, Shelf] = {}
        self._writing = asyncio.Lock()
        self._hurry = False
        self._beat = monotonic()
        self._stood = 0.0
        self._oldest: datetime | None = None
        """When the oldest cells were written that no published state has yet."""
        self.outlet: Outlet

    @property
    def partitions(self) -> list[int]:
        """The partitions it has."""
        return sorted(self._shelves)

    async def given(self, rows: Mapping[int, KeyedRows]) -> None:
        """Go on with these partitions, and no others, from their rows."""
        self._shelves = {}
        shelves = {
            partition: Shelf(partition, kept, self.outlet.keys, self._catalog_of) for partition, kept in rows.items()
        }
        for partition, first in (await asyncio.to_thread(self._log.first, list(shelves))).items():
            if shelves[partition].next < first:
                self._begin_anew(shelves[partition], first)
        for org in self._orgs():
            if (mine := shelves.get(self.outlet.keys.placed(org))) is not None:
                mine.book(org)
        self._shelves = shelves
        for shelf in shelves.values():
            for org in list(shelf.books):
                shelf.replace(org)  # a catalog that changed meanwhile found no shelf
        self._reading.set()
        self._metrics.partitions.set(len(shelves))
        self._metrics.rows.set(sum(len(shelf) for shelf in shelves.values()))
        _log.info("partitions_given", partitions=sorted(shelves), rows=sum(map(len, shelves.values())))

    async def taken(self) -> None:
        """Write nothing more: partitions are being given away."""
        async with self._writing:
            self._shelves = {}

    async def receive(self, cells: Received) -> None:
        """Take the cells of one block and organisation in."""
        shelf = self._shelves.get(cells.partition)
        if shelf is None:
            return  # it is read again by whoever has the partition next
        if cells.offset > shelf.next:
            await self._fill(shelf, cells.offset)
        shelf.receive(cells)
        self._metrics.cells.inc()
        self._oldest = self._oldest or cells.at
        while len(shelf.waiting) > _MOST_WAITING and self._shelves.get(cells.partition) is shelf:
            self._hurry = True
            await asyncio.sleep(_TICK_SECONDS)

    async def run(self, *, publish_seconds: float, keep_seconds: float, turned: Callable[[], None]) -> None:
        """Publish and keep until cancelled. Raises `Stood`, and what the outlet raises."""
        ticking = asyncio.create_task(self._tick())
        kept = shown = monotonic()
        try:
            while True:
                turned()
                self._still_ours()
                now = monotonic()
                windows = now - shown >= _WINDOWS_SECONDS
                await self.publish(windows=windows)
                shown = now if windows else shown
                if self._hurry or now - kept >= keep_seconds:
                    await self.keep()
                    kept, self._hurry = now, False
                await asyncio.sleep(publish_seconds)
        finally:
            ticking.cancel()

    async def publish(self, *, windows: bool) -> None:
        """Publish the states that changed; where rows are new, they are kept first."""
        if any(shelf.fresh for shelf in self._shelves.values()):
            await self.keep()
        async with self._writing:
            await self._publish(windows=windows)

    async def keep(self) -> None:
        """Write the rows that changed, publish their states, and then acknowledge the cells that are in both.

        A state is there only while its row is, or nobody would ever know to take it away. The place comes last.
        """
        async with self._writing:
            began = monotonic()
            for shelf in self._shelves.values():
                if shelf.unchanged:
                    continue
                waiting, place = shelf.take_waiting(), dict(shelf.place())
                rows = await _encoded(shelf.unkept())
                for some in rows:
                    await self._keep(shelf, {key: row for key, row in some.items() if row is not None})
                await self._publish(windows=False)
                for some in rows:
                    await self._keep(shelf, {key: None for key, row in some.items() if row is None})
                await self._keep(shelf, place)
                for cells in waiting:
                    self.outlet.acknowledge(cells)
            self._metrics.keep_seconds.observe(monotonic() - began)

    def replace(self, org: str) -> None:
        """Go on by the newest catalog of an organisation."""
        if (shelf := self._shelves.get(self.outlet.keys.placed(org))) is not None:
            shelf.replace(org)

    def timeless(self) -> list[tuple[Shelf, str]]:
        """Return the organisations of which the stream has told no time yet."""
        return [(shelf, org) for shelf in self._shelves.values() for org in shelf.timeless()]

    def starts(self) -> list[tuple[Shelf, str, Start]]:
        """Return what the books need of the past."""
        found = [(shelf, org, start) for shelf in self._shelves.values() for org, start in shelf.starts()]
        self._metrics.starting.set(sum(len(start.keys) for _, _, start in found))
        return found

    def begin(self, shelf: Shelf, org: str, start: Start, past: pa.Table, marks: dict[str, int]) -> None:
        """Add the past of rows, unless they moved on meanwhile."""
        if self._shelves.get(shelf.partition) is shelf and shelf.begin(org, start, past, marks):
            _log.info("budgets_begun", org=org, budgets=len(start.keys))

    async def _keep(self, shelf: Shelf, rows: Mapping[bytes, bytes | None]) -> None:
        self._still_ours()
        if rows:
            await self.outlet.keep(shelf.partition, rows)

    async def _publish(self, *, windows: bool) -> None:
        oldest, self._oldest = self._oldest, None
        for shelf in self._shelves.values():
            for some in await _encoded(shelf.unpublished(windows=windows)):
                self._still_ours()
                await self.outlet.publish(some)
                self._metrics.states.inc(len(some))
        if oldest is not None:
            self._metrics.published.observe(max(0.0, time() - oldest.timestamp()))

    async def _fill(self, shelf: Shelf, end: int) -> None:
        """Read what was passed over, from the topic itself; begin anew where that no longer has it."""
        first = await asyncio.to_thread(self._log.first, [shelf.partition])
        if shelf.next < first[shelf.partition]:
            self._begin_anew(shelf, first[shelf.partition])
        _log.warning("cells_passed_over", partition=shelf.partition, first=shelf.next, end=end, effect="read now")
        while shelf.next < end and self._shelves.get(shelf.partition) is shelf:
            stop = min(end, shelf.next + _READ_AT_ONCE)
            for cells in await asyncio.to_thread(self._log.read, shelf.partition, shelf.next, stop):
                shelf.receive(cells)
            shelf.next = max(shelf.next, stop)

    def _begin_anew(self, shelf: Shelf, first: int) -> None:
        if shelf.next or len(shelf):
            _log.error(
                "cells_missing",
                partition=shelf.partition,
                first=shelf.next,
                end=first,
                effect="the sums of its budgets are taken from the store again",
            )
        shelf.begin_anew(first)

    async def _tick(self) -> None:
        while True:
            now = monotonic()
            self._stood = max(self._stood, now - self._beat)
            self._beat = now
            await asyncio.sleep(_TICK_SECONDS)

    def _still_ours(self) -> None:
        stood = max(self._stood, monotonic() - self._beat)
        if stood > self._stand_seconds:
            raise Stood(f"the process stood still for {stood:.0f} s; start it again, others may have its partitions")


async def _encoded(records: Records) -> Sequence[dict[bytes, bytes | None]]:
    """Return the records in parts, giving others their turn in between."""
    parts: list[dict[bytes, bytes | None]] = []
    for number, (key, value) in enumerate(records):
        if number % _AT_ONCE == 0:
            parts.append({})
            await asyncio.sleep(0)
        parts[-1][key] = value
    return parts
