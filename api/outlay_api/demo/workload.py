"""One kind of call: who makes it, with what, how often and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from outlay_api.demo.rhythm import Market, Rhythm
from outlay_api.demo.shapes import Draws, Shape

Event = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A stream of similar calls."""

    name: str
    share: float
    """Calls relative to the other workloads in their busiest hours."""
    provider: str
    model: str
    shape: Shape
    market: Market
    rhythm: Rhythm = Rhythm.OFFICE
    fields: Mapping[str, Any] = field(default_factory=dict)
    """What every call says of itself: `app`, `key`, `env`, `operation`, `service_tier`, ..."""
    tags: tuple[Mapping[str, str], ...] = ()
    """Sets of tags; a call carries one of them, the first most often."""
    users: int = 0
    latency_ms: float = 0.0
    """Median; 0 where nothing is timed."""
    failures: float = 0.006
    """Share of calls that failed and cost all the same."""

    def events(self, random: Draws, times: list[str], prefix: str) -> list[Event]:
        """Return one event for each time, with ids that begin with `prefix`."""
        count = len(times)
        fixed = {"provider": self.provider, "model": self.model, **self.fields}
        source = f"urn:nimbus:{self.name}"
        drawn = self.shape.draw(random, count)
        units = tuple(drawn)
        rows = zip(times, *drawn.values(), strict=True)
        events: list[Event] = [
            {
                "id": f"{self.name}-{prefix}{number}",
                "source": source,
                "time": time,
                **fixed,
                "quantities": {unit: value for unit, value in zip(units, values, strict=True) if value},
            }
            for number, (time, *values) in enumerate(rows)
        ]
        self._add_details(random, events)
        return events

    def _add_details(self, random: Draws, events: list[Event]) -> None:
        count = len(events)
        if self.users:
            ranks = np.minimum(random.zipf(1.3, count), self.users).tolist()
            for event, rank in zip(events, ranks, strict=True):
                event["user"] = f"{self.name}-{rank:03d}"
        if self.tags:
            picks = np.minimum(random.geometric(0.45, count), len(self.tags)).tolist()
            for event, pick in zip(events, picks, strict=True):
                event["tags"] = self.tags[pick - 1]
        if self.latency_ms:
            waits = random.lognormal(np.log(self.latency_ms), 0.6, count).astype(np.int64).tolist()
            for event, wait in zip(events, waits, strict=True):
                event["latency_ms"] = wait
            for place in np.flatnonzero(random.random(count) < self.failures).tolist():
                events[place]["outcome"] = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seats:
    """A subscription paid by seat: one event at the start of every month, as many seats as suit the calls of it."""

    name: str
    provider: str
    model: str
    per_thousand: float
    """Seats for a thousand calls a month: a company that makes more calls employs more people."""
    least: int = 0
    fields: Mapping[str, Any] = field(default_factory=dict)

    def number(self, calls: float) -> int:
        """Return the seats of a month with so many calls."""
        return max(self.least, round(calls * self.per_thousand / 1_000))

    def event(self, time: str, seats: int) -> Event:
        """Return the event of a month with so many seats."""
        return {
            "id": f"seats-{self.name}-{time[:7]}-{seats}",
            "source": f"urn:nimbus:{self.name}",
            "time": time,
            "provider": self.provider,
            "model": self.model,
            **self.fields,
            "quantities": {"seats": seats},
        }
