"""Sends traffic through the intake, and keeps count of what it answered."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

import orjson

import outlay
from outlay_api.demo.traffic import Traffic, disturbed, fresh
from outlay_api.demo.workload import Event

BATCH = 1_000
IN_FLIGHT = 3
TICK = 0.25
"""Seconds between live batches."""


@dataclass(slots=True)
class Counts:
    """What the intake answered so far."""

    sent: int = 0
    accepted: int = 0
    duplicate: int = 0
    conflict: int = 0
    rejected: int = 0
    acknowledged_at: float = 0.0
    """When the newest events were acknowledged, on the monotonic clock."""
    recent: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=64))
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by every answer; whoever waits for it clears it."""

    def add(self, result: outlay.SendResult, at: float) -> None:
        """Count an answer that came at `at`."""
        self.sent += len(result)
        self.accepted += result.accepted
        self.duplicate += result.duplicate
        self.conflict += result.conflict
        self.rejected += result.rejected
        self.acknowledged_at = at
        self.recent.append((at, len(result)))
        self.news.set()

    def rate(self, now: float, over: float = 10.0) -> float:
        """Return events acknowledged a second, over the last `over` seconds or as long as there have been any."""
        since = now - self.recent[0][0] if self.recent else 0.0
        return sum(events for at, events in self.recent if now - at <= over) / min(over, max(since, 1.0))


@dataclass(slots=True, kw_only=True)
class Feed:
    """A producer: history in bulk, then the present as it passes."""

    client: outlay.AsyncClient
    traffic: Traffic
    counts: Counts = field(default_factory=Counts)
    _position: int = 1

    async def history(
        self, start: datetime, end: datetime, count: int, progress: Callable[[int], None] = lambda _sent: None
    ) -> None:
        """Send `count` events, disturbances among them, of `start <= time < end`."""
        history = self.traffic.history(start, end, fresh(count, self._position) + 1)
        stream = islice(disturbed(history, self._position), count)
        waiting: deque[asyncio.Task[None]] = deque()
        while batch := list(islice(stream, BATCH)):
            waiting.append(asyncio.create_task(self._send(batch)))
            if len(waiting) >= IN_FLIGHT:
                await waiting.popleft()
                progress(self.counts.sent)
        for task in waiting:
            await task
        progress(self.counts.sent)
        self._position += count

    async def live(self, rate: float, now: Callable[[], datetime]) -> None:
        """Send about `rate` events a second until cancelled."""
        last, owed = now(), 0.0
        while True:
            await asyncio.sleep(TICK)
            until = now()
            owed += rate * (until - last) / timedelta(seconds=1)
            due, owed = int(owed), owed % 1
            if due:
                batch = list(disturbed(self.traffic.between(last, until, due), self._position))
                self._position += len(batch)
                await self._send(batch)
            last = until

    async def _send(self, events: Iterable[Event]) -> None:
        result = await self.client.send_ndjson(b"\n".join(map(orjson.dumps, events)))
        self.counts.add(result, time.monotonic())
