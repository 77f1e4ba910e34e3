"""Which time a request means: dates and instants, named periods, and the period before.

Dates and names are local to a zone; every window is half-open and ends as UTC instants.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from outlay_api.queries.calendar import QUARTER_HOUR, Interval, Window, add_months, first_day, midnight, next_day
from outlay_api.queries.statement import InvalidQuery

DEFAULT_PERIOD = "month_to_date"
_UNITS = {each.value: each for each in (Interval.WEEK, Interval.MONTH, Interval.QUARTER, Interval.YEAR)}
_LAST_COUNT = re.compile(r"last_([1-9][0-9]{0,3})_(hours|days)")
_NAMES = (
    "today, yesterday, {week,month,quarter,year}_to_date, last_{week,month,quarter,year}, last_N_days, last_N_hours"
)
_MONTHS = {Interval.MONTH: 1, Interval.QUARTER: 3, Interval.YEAR: 12}
_EARLIEST, _LATEST = datetime(1900, 1, 2, tzinfo=UTC), datetime(2299, 12, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Asked:
    """A window as it was asked for, with the calendar unit its name implies."""

    window: Window
    unit: Interval | None = None


def read_window(
    *, start: str | None, end: str | None, period: str | None, zone: ZoneInfo, now: datetime, default: str
) -> Asked:
    """Return the window of `from`, `to` and `period` as sent; without any of them the `default` period.

    `to` is exclusive and a date stands for its first instant; without `to` the window ends with the current day.
    """
    if period is not None and (start is not None or end is not None):
        raise InvalidQuery("period", "say either period, or from and to")
    if start is None and end is not None:
        raise InvalidQuery("from", "to needs from as well")
    if start is None:
        asked = named(period or default, zone=zone, now=now)
    else:
        until = _instant(end, "to", zone) if end is not None else _day_start(now, zone, days=1)
        asked = Asked(Window(_instant(start, "from", zone), until))
    window = asked.window
    if window.start >= window.end:
        raise InvalidQuery("to", f"the window ends at {window.end.isoformat()}, not after its start; to is exclusive")
    return asked


def named(period: str, *, zone: ZoneInfo, now: datetime) -> Asked:
    """Return the window of a named period; those that reach the present end with the current day (or quarter hour)."""
    today = now.astimezone(zone).date()
    tomorrow = _day_start(now, zone, days=1)
    if period == "today":
        return Asked(Window(midnight(today, zone), tomorrow))
    if period == "yesterday":
        return Asked(Window(midnight(today - timedelta(days=1), zone), midnight(today, zone)))
    if match := _LAST_COUNT.fullmatch(period):
        count = int(match[1])
        if match[2] == "hours":
            end = datetime.fromtimestamp((int(now.timestamp()) // QUARTER_HOUR + 1) * QUARTER_HOUR, UTC)
            return Asked(Window(end - timedelta(hours=count), end))
        return Asked(Window(midnight(today - timedelta(days=count - 1), zone), tomorrow))
    if (unit := _UNITS.get(period.removesuffix("_to_date"))) and period.endswith("_to_date"):
        return Asked(Window(midnight(first_day(today, unit), zone), tomorrow), unit)
    if (unit := _UNITS.get(period.removeprefix("last_"))) and period.startswith("last_"):
        current = first_day(today, unit)
        before = first_day(current - timedelta(days=1), unit)
        return Asked(Window(midnight(before, zone), midnight(current, zone)), unit)
    raise InvalidQuery("period", f"{period!r} is not a period; use one of {_NAMES}")


def previous(asked: Asked, zone: ZoneInfo) -> Window:
    """Return the period to compare with: one calendar unit back, or as many days back, or as much time.

    A window that starts with its month (or named unit) is moved by whole months and ends, at the latest, where it
    started; a window of whole local days is moved by its days; any other by its elapsed time.
    """
    window = asked.window
    first: date = window.start.astimezone(zone).date()
    last: date = window.end.astimezone(zone).date()
    if midnight(first, zone) != window.start or midnight(last, zone) != window.end:
        return Window(window.start - (window.end - window.start), window.start)
    months = _months_back(first, last, asked.unit)
    if months == 0:
        days = 7 if asked.unit is Interval.WEEK else (last - first).days
        return Window(midnight(first - timedelta(days=days), zone), midnight(last - timedelta(days=days), zone))
    return Window(midnight(add_months(first, -months), zone), min(midnight(_back(last, months), zone), window.start))


def _months_back(first: date, last: date, unit: Interval | None) -> int:
    if unit is not None:
        return _MONTHS.get(unit, 0)
    if first.day != 1:
        return 0
    if last.day == 1:
        return (last.year - first.year) * 12 + last.month - first.month
    return 1 if last < next_day(first, Interval.MONTH) else 0


def _back(day: date, months: int) -> date:
    """Return the same day of the month `months` before, or the first day after that month when it is shorter."""
    month = add_months(day.replace(day=1), -months)
    return min(month + timedelta(days=day.day - 1), next_day(month, Interval.MONTH))


def _day_start(now: datetime, zone: ZoneInfo, *, days: int) -> datetime:
    return midnight(now.astimezone(zone).date() + timedelta(days=days), zone)


def _instant(text: str, parameter: str, zone: ZoneInfo) -> datetime:
    # An unescaped + of an offset arrives as a space.
    text = re.sub(r" (\d\d:?\d\d)$", r"+\1", text.strip())
    try:
        if len(text) == len("2026-11-01"):
            instant = midnight(date.fromisoformat(text), zone)
        else:
            read = datetime.fromisoformat(text)
            instant = (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)
    except ValueError:
        raise InvalidQuery(
            parameter, f"{text!r} is neither a date (2026-11-01) nor an RFC 3339 time (2026-11-01T00:00:00Z)"
        ) from None
    except OverflowError:
        instant = _EARLIEST - timedelta(days=1)
    if not _EARLIEST <= instant <= _LATEST:
        raise InvalidQuery(parameter, f"{text!r} lies outside {_EARLIEST.year} to {_LATEST.year}")
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)
