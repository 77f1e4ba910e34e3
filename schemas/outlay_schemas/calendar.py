"""Calendar periods in a time zone, as half-open UTC intervals that tile time.

A period is defined by local wall-clock starts and compared in UTC, so days of 23 or 25 hours leave no gap and do not
overlap. A local midnight that does not exist starts at the first real instant, a day that a zone skipped has no period.
Bounds lie on quarter hours of UTC, the grain of cells, as they do by themselves in every zone since 1972.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

QUARTER_HOUR = timedelta(minutes=15)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_SECOND = timedelta(seconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = datetime(1, 1, 3, tzinfo=UTC)
_LAST = datetime(9998, 12, 30, tzinfo=UTC)


class Cadence(StrEnum):
    """How often a period starts anew; `once` is one period from a start to an end."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    ONCE = "once"


_MONTHS = {Cadence.MONTH: 1, Cadence.QUARTER: 3, Cadence.YEAR: 12}


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """One period: `start <= instant < end`, both aware UTC."""

    start: datetime
    end: datetime

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def elapsed(self, instant: datetime) -> float:
        """Return the share of the period that is over at `instant`, by real seconds: 0 before it, 1 after it."""
        return min(1.0, max(0.0, (instant - self.start) / (self.end - self.start)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """A cadence in a zone, and where its periods start.

    `weekday` is for weeks; `month` and `day` for months, quarters and years, a day beyond the end of a month being its
    last. Periods are cut short at `begins` and `ends`; `once` needs both.
    """

    cadence: Cadence
    zone: ZoneInfo
    weekday: int = 0  # Monday, as in ISO 8601
    month: int = 1
    day: int = 1
    begins: datetime | None = None
    ends: datetime | None = None

    def period_of(self, instant: datetime) -> Period | None:
        """Return the period that contains `instant` (aware); None before it all begins and after it ended."""
        instant = instant.astimezone(UTC)
        if (self.begins is not None and instant < self.begins) or (self.ends is not None and instant >= self.ends):
            return None
        if self.cadence is Cadence.ONCE:
            return Period(self.begins or _FIRST, self.ends or _LAST)
        whole = self._whole(min(max(instant, _FIRST), _LAST))
        return Period(max(whole.start, self.begins or whole.start), min(whole.end, self.ends or whole.end))

    def next(self, period: Period) -> Period | None:
        """Return the period after `period`, if there is one."""
        return self.period_of(period.end)

    def previous(self, period: Period) -> Period | None:
        """Return the period before `period`, if there is one."""
        return self.period_of(period.start - timedelta(microseconds=1))

    def around(self, instant: datetime, *, before: int, after: int) -> tuple[Period, ...]:
        """Return the period of `instant` with so many before and after it, in order.

        Where there is none at `instant`, those before are the last to have ended, those after the first to begin.
        """
        current = self.period_of(instant)
        found = [] if current is None else [current]
        if current is None and self.ends is not None and instant >= self.ends:
            last = self.period_of(self.ends - timedelta(microseconds=1))
            found = [last] if last else []
            before, after = before - 1, 0
        elif current is None and self.begins is not None:
            first = self.period_of(self.begins)
            found = [first] if first else []
            before, after = 0, after - 1
        for _ in range(before if found else 0):
            if (earlier := self.previous(found[0])) is None:
                break
            found.insert(0, earlier)
        for _ in range(after if found else 0):
            if (later := self.next(found[-1])) is None:
                break
            found.append(later)
        return tuple(found)

    def _whole(self, instant: datetime) -> Period:
        """Return the period of `instant` as the cadence alone has it.

        A clock turned across midnight can put an instant before the start of its own local day, or after the start of
        the next; then a neighbour holds it.
        """
        number = self._number(instant.astimezone(self.zone).date())
        while instant < self._start(number):
            number -= 1
        while instant >= self._start(number + 1):
            number += 1
        return Period(self._start(number), self._start(number + 1))

    def _start(self, number: int) -> datetime:
        return first_instant(self._first_day(number), self.zone)

    def _number(self, day: date) -> int:
        """Return the number of the period that holds a local day."""
        if self.cadence is Cadence.DAY:
            return day.toordinal()
        if self.cadence is Cadence.WEEK:
            return (day.toordinal() - 1 - self.weekday) // 7
        months = day.year * 12 + day.month - 1
        number = (months - (self.month - 1)) // _MONTHS[self.cadence]
        return number if self._first_day(number) <= day else number - 1

    def _first_day(self, number: int) -> date:
        if self.cadence is Cadence.DAY:
            return date.fromordinal(number)
        if self.cadence is Cadence.WEEK:
            return date.fromordinal(number * 7 + 1 + self.weekday)
        year, month = divmod(number * _MONTHS[self.cadence] + self.month - 1, 12)
        return date(year, month + 1, min(self.day, monthrange(year, month + 1)[1]))


@lru_cache(maxsize=65_536)
def first_instant(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant of a local day, in UTC: the first quarter hour at or after it."""
    midnight = datetime.combine(day, time(), zone)
    found = midnight.astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) != datetime.combine(day, time()):
        found = _turn(midnight.replace(fold=1).astimezone(UTC), found, zone)
    return found + (_EPOCH - found) % QUARTER_HOUR


def _turn(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the second at which the clock was put forward, between two instants with different offsets."""
    offset = after.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // (2 * _SECOND) * _SECOND
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after


__all__ = ["QUARTER_HOUR", "WEEKDAYS", "Cadence", "Calendar", "Period", "first_instant"]
