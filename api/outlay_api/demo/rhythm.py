"""When work happens: how busy an hour of the week is, in the zone of those who work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import lru_cache
from zoneinfo import ZoneInfo

_OFFICE = (1, 1, 1, 1, 1, 2, 6, 18, 45, 80, 96, 92, 70, 86, 98, 94, 80, 55, 28, 14, 9, 6, 4, 2)
_CONSUMER = (24, 14, 8, 6, 5, 7, 14, 28, 40, 46, 50, 56, 62, 60, 58, 60, 66, 74, 84, 94, 98, 90, 68, 42)
_NIGHTLY = (90, 100, 96, 88, 60, 30, 4, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 8, 20, 60)
_STEADY = (50,) * 24


class Rhythm(Enum):
    """Percent of the busiest hour by local hour, and the share of a workday that a weekend day has."""

    OFFICE = (_OFFICE, 0.08)
    CONSUMER = (_CONSUMER, 1.25)
    NIGHTLY = (_NIGHTLY, 0.6)
    STEADY = (_STEADY, 1.0)

    def level(self, local: datetime) -> float:
        """Return how busy the hour of `local` is, 0 to about 125."""
        hours, weekend = self.value
        return hours[local.hour] * (weekend if local.weekday() >= 5 else 1.0)


@dataclass(frozen=True, slots=True)
class Market:
    """Where the people who cause the traffic live."""

    name: str
    zone: str

    def levels(self, rhythm: Rhythm, start: datetime, hours: int) -> list[float]:
        """Return the level of each of the `hours` from `start` (aware)."""
        zone = _zone(self.zone)
        return [rhythm.level((start + timedelta(hours=hour)).astimezone(zone)) for hour in range(hours)]


@lru_cache(maxsize=32)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
