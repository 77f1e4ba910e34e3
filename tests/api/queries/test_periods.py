"""Windows as people name them, and the period they are compared with."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from outlay_api.queries.periods import previous, read_window
from outlay_api.queries.statement import InvalidQuery

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 24, 14, 37, 5, tzinfo=UTC)


def shown(start: str | None = None, end: str | None = None, period: str | None = None) -> tuple[str, str, str, str]:
    """The window and the one before it, local to Berlin."""
    asked = read_window(start=start, end=end, period=period, zone=BERLIN, now=NOW, default="month_to_date")
    before = previous(asked, BERLIN)
    bounds = (asked.window.start, asked.window.end, before.start, before.end)
    first, last, third, fourth = (f"{bound.astimezone(BERLIN):%m-%dT%H:%M}".removesuffix("T00:00") for bound in bounds)
    return first, last, third, fourth


@pytest.mark.parametrize(
    ("period", "bounds"),
    [
        (None, ("11-01", "11-25", "10-01", "10-25")),
        ("today", ("11-24", "11-25", "11-23", "11-24")),
        ("yesterday", ("11-23", "11-24", "11-22", "11-23")),
        ("week_to_date", ("11-23", "11-25", "11-16", "11-18")),
        ("month_to_date", ("11-01", "11-25", "10-01", "10-25")),
        ("quarter_to_date", ("10-01", "11-25", "07-01", "08-25")),
        ("year_to_date", ("01-01", "11-25", "01-01", "11-25")),
        ("last_week", ("11-16", "11-23", "11-09", "11-16")),
        ("last_month", ("10-01", "11-01", "09-01", "10-01")),
        ("last_quarter", ("07-01", "10-01", "04-01", "07-01")),
        ("last_30_days", ("10-26", "11-25", "09-26", "10-26")),
        ("last_24_hours", ("11-23T15:45", "11-24T15:45", "11-22T15:45", "11-23T15:45")),
    ],
)
def test_named_periods_and_the_ones_before(period: str | None, bounds: tuple[str, str, str, str]) -> None:
    assert shown(period=period) == bounds


@pytest.mark.parametrize(
    ("start", "end", "bounds"),
    [
        ("2026-03-01", "2026-04-01", ("03-01", "04-01", "02-01", "03-01")),
        ("2026-03-01", "2026-03-31", ("03-01", "03-31", "02-01", "03-01")),
        ("2026-03-10", "2026-04-10", ("03-10", "04-10", "02-07", "03-10")),
        ("2026-04-01", "2026-07-01", ("04-01", "07-01", "01-01", "04-01")),
        ("2026-03-29", "2026-03-30", ("03-29", "03-30", "03-28", "03-29")),
        ("2026-11-20", None, ("11-20", "11-25", "11-15", "11-20")),
        (
            "2026-11-20T10:00:00Z",
            "2026-11-20T12:00:00+01:00",
            ("11-20T11:00", "11-20T12:00", "11-20T10:00", "11-20T11:00"),
        ),
        ("2026-11-20T10:00:00 01:00", "2026-11-20T12:00", ("11-20T10:00", "11-20T12:00", "11-20T08:00", "11-20T10:00")),
    ],
)
def test_given_windows_and_the_ones_before(start: str, end: str | None, bounds: tuple[str, str, str, str]) -> None:
    assert shown(start, end) == bounds


@pytest.mark.parametrize(
    ("start", "end", "period", "message"),
    [
        ("tomorrow", None, None, "from: 'tomorrow' is neither a date"),
        ("2026-13-01", None, None, "from: '2026-13-01' is neither"),
        (None, "2026-11-01", None, "from: to needs from"),
        ("2026-11-01", "2026-11-01", None, "not after its start; to is exclusive"),
        ("2026-11-01", None, "today", "period: say either"),
        (None, None, "last_0_days", "period: 'last_0_days' is not a period; use one of today"),
        (None, None, "month", "is not a period"),
        ("0001-01-01", None, None, "lies outside 1900 to 2299"),
    ],
)
def test_what_is_no_window_is_refused(start: str | None, end: str | None, period: str | None, message: str) -> None:
    with pytest.raises(InvalidQuery, match=message):
        shown(start, end, period)
