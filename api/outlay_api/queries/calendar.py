"""Buckets of time: local calendar intervals in any IANA zone, as half-open UTC intervals.

Buckets are defined by local wall-clock starts and compared in UTC, so days of 23 or 25 hours tile time without gap or
overlap; a local midnight that does not exist starts at the first real instant, and where the clock is turned within an
hour the bucket ends at the turn.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from outlay_api.queries.statement import InvalidQuery

MAX_BUCKETS = 20_000
QUARTER_HOUR = 900


class Interval(StrEnum):
    """How finely time is cut; `none` leaves the window whole."""

    NONE = "none"
    QUARTER_HOUR = "quarter_hour"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


_SECONDS = {Interval.QUARTER_HOUR: QUARTER_HOUR, Interval.HOUR: 3600}
_MONTHS = {Interval.MONTH: 1, Interval.QUARTER: 3, Interval.YEAR: 12}


@dataclass(frozen=True, slots=True)
class Window:
    """Time that is asked about: `start <= instant < end`, both aware UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Buckets:
    """A window cut into consecutive buckets: bucket `i` is `bounds[i] <= instant < bounds[i + 1]`."""

    bounds: tuple[datetime, ...]

    @property
    def window(self) -> Window:
        """The time all buckets cover."""
        return Window(self.bounds[0], self.bounds[-1])

    @property
    def starts(self) -> tuple[datetime, ...]:
        """Where each bucket starts."""
        return self.bounds[:-1]

    @property
    def whole(self) -> Buckets:
        """The same time in one bucket."""
        return Buckets((self.bounds[0], self.bounds[-1]))

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @property
    def step(self) -> timedelta | None:
        """From one start to the next, when that never changes; the first and last bucket may be cut short."""
        lengths = [later - earlier for earlier, later in pairwise(self.bounds)]
        inner = set(lengths[1:-1])
        if len(inner) != 1 or max(lengths[0], lengths[-1]) > (step := inner.pop()):
            return None
        return step

    def index(self, instant: datetime) -> int:
        """Return which bucket `instant` lies in."""
        return bisect_right(self.bounds, instant) - 1


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant of a local day, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def first_day(day: date, interval: Interval) -> date:
    """Return the first day of the week (Monday), month, quarter or year that holds `day`."""
    if interval is Interval.WEEK:
        return day - timedelta(days=day.weekday())
    if interval in _MONTHS:
        return day.replace(day=1, month=day.month - (day.month - 1) % _MONTHS[interval])
    return day


def add_months(first: date, months: int) -> date:
    """Return the first of the month `months` after the month that starts with `first`."""
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, 1)


def next_day(first: date, interval: Interval) -> date:
    """Return the first day of the period after the one that starts with `first`."""
    if interval in _MONTHS:
        return add_months(first, _MONTHS[interval])
    return first + timedelta(days=7 if interval is Interval.WEEK else 1)


def cut(window: Window, interval: Interval, zone: ZoneInfo) -> Buckets:
    """Cut a window into buckets of `interval` in `zone`; the first and last are as short as the window makes them."""
    bounds = [window.start]
    if interval is not Interval.NONE:
        following = _after_turn if interval in _SECONDS else _after_days
        while (bound := following(bounds[-1], interval, zone)) < window.end:
            bounds.append(bound)
            if len(bounds) > MAX_BUCKETS:
                raise InvalidQuery("interval", f"{interval} cuts the window into over {MAX_BUCKETS} buckets; widen it")
    return Buckets((*bounds, window.end))


def _after_days(instant: datetime, interval: Interval, zone: ZoneInfo) -> datetime:
    """Return the next local period start; a day that a zone skipped altogether starts nothing."""
    first = first_day(instant.astimezone(zone).date(), interval)
    while (bound := midnight(first := next_day(first, interval), zone)) <= instant:
        pass
    return bound


def _after_turn(instant: datetime, interval: Interval, zone: ZoneInfo) -> datetime:
    """Return the next whole local hour (or quarter), or the turn of the clock that comes first."""
    step = _SECONDS[interval]
    offset = _offset(instant, zone)
    local = int(instant.timestamp()) + offset
    bound = datetime.fromtimestamp(local - local % step + step - offset, UTC)
    return bound if _offset(bound, zone) == offset else _turn(instant, bound, zone)


def _turn(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the second in which the offset becomes that of `after`."""
    low, high = int(before.timestamp()), int(after.timestamp())
    wanted = _offset(after, zone)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(datetime.fromtimestamp(middle, UTC), zone) == wanted:
            high = middle
        else:
            low = middle
    return datetime.fromtimestamp(high, UTC)


def _offset(instant: datetime, zone: ZoneInfo) -> int:
    offset = instant.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0
