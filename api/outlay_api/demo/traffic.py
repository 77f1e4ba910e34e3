"""Seeded traffic: the events of any stretch of time, and the disturbances that real producers cause.

The same seed, stretch and count always give the same events; any other stretch or count gives other ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

import numpy as np
import xxhash
from numpy.typing import NDArray

from outlay_api.demo.workload import Event, Seats, Workload

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MONTH = 30
DOUBLES = 14
"""Days in which the company's use of AI doubles."""
LATE_EVERY = 97
"""One event in so many is told days after it happened."""

Stretch = tuple[datetime, datetime]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What the workloads do."""

    workloads: Sequence[Workload]
    seats: Sequence[Seats] = ()
    seed: int = 1

    def history(self, start: datetime, end: datetime, count: int) -> Iterator[Event]:
        """Yield `count` events of `start <= time < end` (aware), a UTC day at a time, in order of time within each.

        Use grows from day to day, so that the newest days are the busiest.
        """
        windows = list(_days(start, end))
        loads = np.array([self._weights(*window).sum() for window in windows])
        grown = loads * np.exp2(np.arange(len(windows)) / DOUBLES)
        paid = self._seat_events(windows, _shared(count, grown))
        shares = _shared(max(0, count - sum(map(len, paid.values()))), grown)
        for window, drawn in zip(windows, shares, strict=True):
            yield from paid.get(window[0], ())
            yield from self.between(*window, drawn)

    def between(self, start: datetime, end: datetime, count: int) -> list[Event]:
        """Return `count` events of `start <= time < end`, in order of time; some are late."""
        if not count:
            return []
        origin = _milliseconds(start)
        random = np.random.default_rng([self.seed, origin])
        weights = self._weights(start, end)
        cells = random.multinomial(count, weights.ravel() / weights.sum()).reshape(weights.shape)
        slots, which = (np.repeat(index, cells.ravel()) for index in _indices(weights.shape))
        width = (_milliseconds(end) - origin) / weights.shape[0]
        offsets = ((slots + random.random(count)) * width).astype(np.int64)
        order = np.argsort(offsets, kind="stable")
        offsets, which = offsets[order], which[order]
        late = random.random(count) < 1 / LATE_EVERY
        moments = origin + offsets - np.where(late, random.integers(1, 6 * 24, count) * 3_600_000, 0)
        stretch = xxhash.xxh3_64_hexdigest(f"{self.seed} {origin} {_milliseconds(end)} {count}".encode())[:12]
        return self._events(random, moments, which, f"{stretch}-")

    def _events(
        self, random: np.random.Generator, moments: NDArray[np.int64], which: NDArray[np.int64], prefix: str
    ) -> list[Event]:
        texts = np.char.add(np.datetime_as_string(moments.astype("datetime64[ms]"), unit="ms"), "Z")
        found: list[Event] = [{}] * len(moments)
        for index, workload in enumerate(self.workloads):
            places = np.flatnonzero(which == index)
            if not len(places):
                continue
            events = workload.events(random, texts[places].tolist(), prefix)
            for place, event in zip(places.tolist(), events, strict=True):
                found[place] = event
        return found

    def _weights(self, start: datetime, end: datetime) -> NDArray[np.float64]:
        """Return how busy each workload is in each hour of the stretch: [hour, workload]."""
        hours = max(1, round((end - start) / HOUR))
        levels = [w.market.levels(w.rhythm, start, hours) for w in self.workloads]
        weights: NDArray[np.float64] = np.array(levels).T * np.array([w.share for w in self.workloads])
        return weights

    def _seat_events(self, windows: Sequence[Stretch], shares: Sequence[int]) -> dict[datetime, list[Event]]:
        """Return the subscriptions of every month that begins here, by its first instant."""
        found: dict[datetime, list[Event]] = {}
        for start in (start for start, _ in windows if _begins_month(start)):
            month = (start.year, start.month)
            days = [share for (day, _), share in zip(windows, shares, strict=True) if (day.year, day.month) == month]
            calls = sum(days) / len(days) * MONTH
            time = start.strftime("%Y-%m-%dT%H:%M:%SZ")
            found[start] = [seats.event(time, number) for seats in self.seats if (number := seats.number(calls))]
        return found


class Sent(Enum):
    """What a producer sends at a position of its stream."""

    FRESH = auto()
    REPEAT = auto()
    CONFLICT = auto()
    INVALID = auto()

    @classmethod
    def at(cls, position: int) -> Sent:
        """Return what is sent at `position`, counted from 1: 2 % repeats, 0.4 % invalid, 0.2 % conflicts."""
        if position % 50 == 0:
            return cls.REPEAT
        if position % 250 == 77:
            return cls.INVALID
        return cls.CONFLICT if position % 500 == 123 else cls.FRESH


def fresh(count: int, first: int = 1) -> int:
    """Return how many fresh events `count` positions from `first` take."""
    return sum(Sent.at(position) is Sent.FRESH for position in range(first, first + count))


def disturbed(events: Iterable[Event], first: int = 1) -> Iterator[Event]:
    """Yield the events with repeats, conflicts and invalid ones among them; `first` is the position it begins at."""
    recent: list[Event] = []
    position = first
    for event in events:
        while (sent := Sent.at(position)) is not Sent.FRESH:
            if recent:
                yield _disturbance(sent, recent[position * 7 % len(recent)], position)
            position += 1
        yield event
        position += 1
        if len(recent) < 64:
            recent.append(event)
        else:
            recent[position % 64] = event


def _disturbance(sent: Sent, event: Event, position: int) -> Event:
    match sent:
        case Sent.CONFLICT:
            unit, value = next(iter(event["quantities"].items()))
            return {**event, "quantities": {**event["quantities"], unit: int(float(value)) + position}}
        case Sent.INVALID:
            own = {**event, "id": f"{event['id']}-invalid-{position}"}
            faults: tuple[Event, ...] = (
                {"quantities": {"input_tokens": -position}},
                {"time": "yesterday"},
                {"input_tokens": 12},
                {"model": ""},
            )
            return own | faults[position // 250 % len(faults)]
        case _:
            return event


def _begins_month(instant: datetime) -> bool:
    return instant == instant.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _days(start: datetime, end: datetime) -> Iterator[Stretch]:
    while start < end:
        midnight = start.replace(hour=0, minute=0, second=0, microsecond=0) + DAY
        yield start, min(midnight, end)
        start = midnight


def _shared(count: int, loads: NDArray[np.float64]) -> list[int]:
    """Split `count` in proportion to the loads, with nothing lost to rounding."""
    bounds = np.rint(np.cumsum(loads) / loads.sum() * count).astype(np.int64)
    return [int(part) for part in np.diff(bounds, prepend=0)]


def _indices(shape: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    slots, which = np.indices(shape)
    return slots.ravel(), which.ravel()


def _milliseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(milliseconds=1)
