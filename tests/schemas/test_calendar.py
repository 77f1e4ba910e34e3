"""Periods tile time: in every zone, for every cadence and start, over ten years."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay_schemas.calendar import QUARTER_HOUR, Cadence, Calendar, Period, first_instant

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = datetime(2017, 1, 1, tzinfo=UTC), datetime(2027, 12, 31, tzinfo=UTC)
ZONES = sorted(available_timezones())
REGULAR = [cadence for cadence in Cadence if cadence is not Cadence.ONCE]

calendars = st.builds(
    Calendar,
    cadence=st.sampled_from(REGULAR),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    weekday=st.integers(0, 6),
    month=st.integers(1, 12),
    day=st.integers(1, 31),
)
instants = st.datetimes(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None), timezones=st.just(UTC))


def period(calendar: Calendar, instant: datetime) -> Period:
    found = calendar.period_of(instant)
    assert found is not None
    return found


@pytest.mark.parametrize("cadence", [Cadence.DAY, Cadence.MONTH])
def test_periods_tile_ten_years_of_every_zone(cadence: Cadence) -> None:
    """A walk from period to period meets each next start exactly, and the days between are near 24 hours."""
    step = {Cadence.DAY: (timedelta(0), timedelta(hours=49)), Cadence.MONTH: (timedelta(27), timedelta(32))}[cadence]
    for name in ZONES if cadence is Cadence.MONTH else ZONES[::40]:
        calendar = Calendar(cadence=cadence, zone=ZoneInfo(name), day=31)
        here = period(calendar, FIRST)
        while here.end < LAST:
            following = period(calendar, here.end)
            assert here.end == following.start, name
            assert step[0] < following.end - following.start < step[1], name
            assert (following.start - EPOCH) % QUARTER_HOUR == timedelta(0), name
            here = following


@given(calendars, instants)
def test_a_period_holds_its_instants_and_neighbours_meet(calendar: Calendar, instant: datetime) -> None:
    here = period(calendar, instant)
    assert here.start <= instant < here.end
    assert period(calendar, here.start) == here == period(calendar, here.end - timedelta(microseconds=1))
    following = calendar.next(here)
    assert following is not None
    assert following.start == here.end
    assert calendar.previous(following) == here


@given(calendars, instants)
@settings(max_examples=200)
def test_a_period_starts_where_the_local_day_does(calendar: Calendar, instant: datetime) -> None:
    local = period(calendar, instant).start.astimezone(calendar.zone)
    match calendar.cadence:
        case Cadence.WEEK:
            assert local.weekday() == calendar.weekday
        case Cadence.MONTH | Cadence.QUARTER | Cadence.YEAR:
            after = local.date() + timedelta(days=1)
            assert local.day == calendar.day or (local.day < calendar.day and after.day == 1)
            months = {Cadence.MONTH: 1, Cadence.QUARTER: 3, Cadence.YEAR: 12}[calendar.cadence]
            assert (local.month - calendar.month) % months == 0
        case _:
            assert local.hour <= 1


@given(calendars, instants, instants, instants)
def test_dates_cut_periods_short_and_leave_no_gap(
    calendar: Calendar, one: datetime, other: datetime, instant: datetime
) -> None:
    begins, ends = sorted((_quarter(one), _quarter(other) + QUARTER_HOUR))
    cut = Calendar(
        cadence=calendar.cadence,
        zone=calendar.zone,
        weekday=calendar.weekday,
        month=calendar.month,
        day=calendar.day,
        begins=begins,
        ends=ends,
    )
    found = cut.period_of(instant)
    if not begins <= instant < ends:
        assert found is None
    else:
        whole = period(calendar, instant)
        assert found == Period(max(whole.start, begins), min(whole.end, ends))
    around = cut.around(instant, before=2, after=2)
    assert around
    assert all(earlier.end == later.start for earlier, later in pairwise(around))
    assert found is None or found in around


def _quarter(instant: datetime) -> datetime:
    return instant - (instant - EPOCH) % QUARTER_HOUR


def test_once_is_one_period() -> None:
    begins, ends = datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 15, tzinfo=UTC)
    once = Calendar(cadence=Cadence.ONCE, zone=ZoneInfo("UTC"), begins=begins, ends=ends)
    whole = Period(begins, ends)
    assert once.period_of(begins) == whole
    assert once.period_of(ends) is None
    assert once.next(whole) is once.previous(whole) is None
    for instant in (begins - timedelta(days=1), begins, ends, ends + timedelta(days=400)):
        assert once.around(instant, before=2, after=2) == (whole,)


@pytest.mark.parametrize(
    ("zone", "day", "start"),
    [
        ("Europe/Berlin", date(2026, 3, 29), "2026-03-28T23:00"),
        ("Europe/Berlin", date(2026, 3, 30), "2026-03-29T22:00"),  # 23 hours later
        ("Europe/Berlin", date(2026, 10, 26), "2026-10-25T23:00"),  # 25 hours after the day before
        ("Asia/Kolkata", date(2026, 5, 4), "2026-05-03T18:30"),
        ("Asia/Kathmandu", date(2026, 5, 4), "2026-05-03T18:15"),
        ("Africa/Cairo", date(2026, 4, 24), "2026-04-23T22:00"),  # midnight does not exist: 01:00 is the first instant
        ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T03:00"),  # nor here
        ("America/Toronto", date(1919, 3, 31), "1919-03-31T04:30"),  # 23:30 became 00:30, so the day began at 00:30
        ("America/St_Johns", date(2010, 11, 7), "2010-11-07T02:30"),  # midnight came twice, a minute apart: the first
        ("Pacific/Apia", date(2011, 12, 30), "2011-12-30T10:00"),  # no such day
        ("Pacific/Apia", date(2011, 12, 31), "2011-12-30T10:00"),
    ],
)
def test_the_first_instant_of_a_day(zone: str, day: date, start: str) -> None:
    assert first_instant(day, ZoneInfo(zone)) == datetime.fromisoformat(f"{start}+00:00")


def test_a_day_that_a_zone_skipped_has_no_period() -> None:
    days = Calendar(cadence=Cadence.DAY, zone=ZoneInfo("Pacific/Apia"))
    before = period(days, datetime(2011, 12, 29, 12, tzinfo=UTC))
    after = days.next(before)
    assert after is not None
    assert after.start.astimezone(days.zone).date() == date(2011, 12, 31)


def test_the_share_that_is_over_counts_real_seconds() -> None:
    longest = Calendar(cadence=Cadence.DAY, zone=ZoneInfo("Europe/Berlin"))
    day = period(longest, datetime(2026, 10, 25, 12, tzinfo=UTC))
    assert day.end - day.start == timedelta(hours=25)
    assert day.elapsed(day.start + timedelta(hours=5)) == 0.2
    assert (day.elapsed(day.start - timedelta(days=1)), day.elapsed(day.end + timedelta(days=1))) == (0, 1)
