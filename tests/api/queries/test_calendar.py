"""Buckets tile time in every zone, through every turn of the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay_api.queries.calendar import Interval, Window, cut, midnight
from outlay_api.queries.statement import InvalidQuery

BERLIN, KOLKATA, HOWE = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata"), ZoneInfo("Australia/Lord_Howe")
CUT = [interval for interval in Interval if interval is not Interval.NONE]
ZONES = ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Gaza"]

INSTANTS = st.integers(1_420_000_000, 2_050_000_000).map(lambda second: datetime.fromtimestamp(second, UTC))


def window(first: str, last: str, zone: ZoneInfo) -> Window:
    return Window(midnight(date.fromisoformat(first), zone), midnight(date.fromisoformat(last), zone))


def hours(buckets_of: Window, interval: Interval, zone: ZoneInfo) -> list[float]:
    return [(b - a).total_seconds() / 3600 for a, b in pairwise(cut(buckets_of, interval, zone).bounds)]


@pytest.mark.parametrize(
    ("first", "last", "lengths"),
    [("2026-03-28", "2026-03-31", [24, 23, 24]), ("2026-10-24", "2026-10-27", [24, 25, 24])],
)
def test_days_have_23_or_25_hours_where_the_clock_turns(first: str, last: str, lengths: list[float]) -> None:
    assert hours(window(first, last, BERLIN), Interval.DAY, BERLIN) == lengths


def test_the_hour_that_is_repeated_is_two_buckets() -> None:
    found = cut(window("2026-10-25", "2026-10-26", BERLIN), Interval.HOUR, BERLIN)
    assert len(found) == 25
    assert [start.astimezone(BERLIN).hour for start in found.starts[1:5]] == [1, 2, 2, 3]


def test_an_hour_cut_by_the_clock_ends_at_the_turn() -> None:
    # Lord Howe turns by half an hour, at 02:00 local.
    assert hours(window("2026-04-05", "2026-04-06", HOWE), Interval.HOUR, HOWE)[:4] == [1, 1, 0.5, 1]


def test_hours_of_a_half_hour_zone_start_at_its_own_whole_hours() -> None:
    found = cut(window("2026-05-04", "2026-05-05", KOLKATA), Interval.HOUR, KOLKATA)
    assert {start.minute for start in found.starts} == {30}
    assert found.step == timedelta(hours=1)


def test_a_midnight_that_does_not_exist_starts_at_the_first_real_instant() -> None:
    cairo = ZoneInfo("Africa/Cairo")
    assert midnight(date(2026, 4, 24), cairo).astimezone(cairo).hour == 1


def test_weeks_start_on_monday_and_ends_are_cut_to_the_window() -> None:
    found = cut(window("2026-05-06", "2026-05-20", BERLIN), Interval.WEEK, BERLIN)
    days = [start.astimezone(BERLIN).date() for start in found.bounds]
    assert days == [date(2026, 5, 6), date(2026, 5, 11), date(2026, 5, 18), date(2026, 5, 20)]


def test_months_quarters_and_years_start_on_their_first_day() -> None:
    year = window("2026-01-01", "2027-01-01", BERLIN)
    assert [len(cut(year, each, BERLIN)) for each in (Interval.MONTH, Interval.QUARTER, Interval.YEAR)] == [12, 4, 1]


def test_too_many_buckets_are_refused() -> None:
    with pytest.raises(InvalidQuery, match="interval: quarter_hour cuts"):
        cut(window("2026-01-01", "2027-01-01", BERLIN), Interval.QUARTER_HOUR, BERLIN)


@given(
    start=INSTANTS,
    length=st.integers(1, 20 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes)),
    interval=st.sampled_from(CUT),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
)
def test_buckets_tile_the_window(start: datetime, length: timedelta, interval: Interval, zone: ZoneInfo) -> None:
    found = cut(Window(start, start + length), interval, zone)
    assert (found.bounds[0], found.bounds[-1]) == (start, start + length)
    assert all(earlier < later for earlier, later in pairwise(found.bounds))
    for inner in found.bounds[1:-1]:
        local = inner.astimezone(zone)
        before = (inner - timedelta(microseconds=1)).astimezone(zone)
        turned = local.utcoffset() != before.utcoffset()
        whole = {Interval.QUARTER_HOUR: 15, Interval.HOUR: 60}.get(interval)
        if whole is None:
            assert local.date() > before.date()
        else:
            assert turned or (local.minute % whole, local.second) == (0, 0)


@given(
    instant=INSTANTS,
    zone=st.sampled_from(ZONES).map(ZoneInfo),
)
def test_an_instant_lies_in_the_bucket_of_its_local_day(instant: datetime, zone: ZoneInfo) -> None:
    day = instant.astimezone(zone).date()
    found = cut(window(str(day - timedelta(days=3)), str(day + timedelta(days=3)), zone), Interval.DAY, zone)
    assert found.starts[found.index(instant)].astimezone(zone).date() == day
