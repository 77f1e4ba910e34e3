"""What each team spent of late: buckets by minute and hour of the stream's own time, older ones forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from outlay_schemas.budgets import Spent, TeamWindows
from outlay_schemas.calendar import Period

MINUTE, HOUR = 60, 3600
MINUTES_KEPT = 2 * HOUR
HOURS_KEPT = 48 * HOUR

Bucket = list[int]
"""Amount in pico-USD, entries, unpriced entries."""
Buckets = dict[int, Bucket]
"""By start, in seconds since 1970."""


@dataclass(slots=True)
class Windows:
    """One team's buckets. `at` is the newest time of the stream, in seconds since 1970."""

    at: int = 0
    minutes: Buckets = field(default_factory=dict)
    hours: Buckets = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)

    def add(self, at: int, amount: int, entries: int, unpriced: int) -> None:
        """Count what a block received at `at` holds of the team, unless that is out of reach."""
        newest = max(self.at, at)
        for buckets, length, kept in ((self.minutes, MINUTE, MINUTES_KEPT), (self.hours, HOUR, HOURS_KEPT)):
            first = newest - newest % length - kept + length
            if newest // length != self.at // length:
                for old in [start for start in buckets if start < first]:
                    del buckets[old]
            start = at - at % length
            if start >= first:
                bucket = buckets.setdefault(start, [0, 0, 0])
                bucket[0] += amount
                bucket[1] += entries
                bucket[2] += unpriced
        self.at = newest

    def row(self) -> dict[str, Any]:
        """Return the windows as JSON."""
        return {
            "at": self.at,
            "marks": dict(self.marks),
            "minutes": _listed(self.minutes),
            "hours": _listed(self.hours),
        }

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Windows:
        """Read what `row` returned."""
        minutes, hours = _read(row["minutes"]), _read(row["hours"])
        return cls(int(row["at"]), minutes, hours, {name: int(mark) for name, mark in row["marks"].items()})

    def state(self, org: str, team: str) -> TeamWindows:
        """Return the windows as they are published."""
        return TeamWindows(
            org=org,
            team=team,
            minutes=_shown(self.minutes, MINUTE),
            hours=_shown(self.hours, HOUR),
            marks=dict(self.marks),
            at=datetime.fromtimestamp(self.at, UTC),
        )


def _listed(buckets: Buckets) -> list[list[Any]]:
    return [[start, str(amount), entries, unpriced] for start, (amount, entries, unpriced) in sorted(buckets.items())]


def _read(listed: list[list[Any]]) -> Buckets:
    return {int(start): [int(amount), int(entries), int(unpriced)] for start, amount, entries, unpriced in listed}


def _shown(buckets: Buckets, length: int) -> tuple[Spent, ...]:
    spans = ((datetime.fromtimestamp(start, UTC), sums) for start, sums in sorted(buckets.items()))
    return tuple(Spent.of(Period(start, start + timedelta(seconds=length)), *sums) for start, sums in spans)
