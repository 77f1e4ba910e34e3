"""The open periods of budgets that share a calendar, and each budget's sums in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from outlay_schemas.calendar import Calendar, Period
from outlay_streams.budgets.sums import MOST_SUMMED, Exact, Limbs, exact_sums

CLOSED_KEPT = 2
"""Periods kept after they ended, for what comes late; the store answers for older ones."""
AHEAD = 2
"""Periods kept before they begin: events may be minutes ahead of the clock."""

_Index = npt.NDArray[np.int64]


@dataclass(slots=True)
class Total:
    """What each budget of a group spent in one period, by its place in the group."""

    amounts: Exact
    entries: _Index
    unpriced: _Index

    @classmethod
    def empty(cls, size: int) -> Total:
        """Return zeros."""
        return cls(np.zeros(size, np.object_), np.zeros(size, np.int64), np.zeros(size, np.int64))

    def add(self, places: _Index, amounts: Limbs, entries: _Index, unpriced: _Index) -> None:
        """Add to the budgets at `places`, which may repeat."""
        size = len(self.amounts)
        for start in range(0, len(places), MOST_SUMMED):
            part = slice(start, start + MOST_SUMMED)
            self.amounts = self.amounts + exact_sums(amounts[:, part], places[part], size)
        np.add.at(self.entries, places, entries)
        np.add.at(self.unpriced, places, unpriced)


class Group:
    """Budgets of one calendar, by position among all; sums by period for those in reach of the newest instant."""

    def __init__(self, calendar: Calendar, members: Sequence[int]) -> None:
        self.calendar = calendar
        self.members = np.array(members, np.int64)
        self.periods: tuple[Period, ...] = ()
        self.totals: list[Total | None] = []
        self._bounds: _Index = np.zeros(0, np.int64)
        self._current: Period | None = None

    def advance(self, at: datetime) -> bool:
        """Keep the periods around `at` and forget older ones; return whether they changed."""
        if self._current is not None and at in self._current:
            return False
        self._current = self.calendar.period_of(at)
        periods = self.calendar.around(at, before=CLOSED_KEPT, after=AHEAD)
        if periods == self.periods:
            return False
        known = dict(zip(self.periods, self.totals, strict=True))
        self.periods, self.totals = periods, [known.get(period) for period in periods]
        self._bounds = np.array([seconds(edge) for edge in edges(periods)], np.int64)
        return True

    def split(self, quarters: _Index) -> Iterator[tuple[int, _Index]]:
        """Yield the number of each kept period that some of `quarters` (seconds since 1970) lie in, and which do."""
        if len(self.periods):
            found = np.searchsorted(self._bounds, quarters, side="right") - 1
            for number in np.unique(found).tolist():
                if 0 <= number < len(self.periods):
                    yield number, np.flatnonzero(found == number)

    def total(self, number: int) -> Total:
        """Return the sums of a kept period, to be added to."""
        found = self.totals[number]
        if found is None:
            found = self.totals[number] = Total.empty(len(self.members))
        return found


def edges(periods: Sequence[Period]) -> list[datetime]:
    """Return where consecutive periods begin, and where the last one ends."""
    return [*(period.start for period in periods), periods[-1].end] if periods else []


def seconds(instant: datetime) -> int:
    """Return whole seconds since 1970."""
    return int((instant - _EPOCH).total_seconds())


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
