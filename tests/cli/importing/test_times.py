"""Times as files write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay_api.importing.errors import MappingError
from outlay_api.importing.times import Times


def read(*cells: object, zone: str | None = None, pattern: str | None = None) -> list[str | None]:
    return Times.of(zone, pattern).read(pl.Series(list(cells)))[0].to_list()


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2023-11-16T18:17:03Z", "2023-11-16T18:17:03.000Z"),
        ("2023-11-16T18:17:03.9799600Z", "2023-11-16T18:17:03.979Z"),
        ("2023-11-16 18:17:03.5+05:30", "2023-11-16T12:47:03.500Z"),
        ("2023-11-16T18:17:03-0800", "2023-11-17T02:17:03.000Z"),
        (" 1700158623 ", "2023-11-16T18:17:03.000Z"),
        ("1700158623.98765", "2023-11-16T18:17:03.987Z"),
        ("1700158623987", "2023-11-16T18:17:03.987Z"),
        ("1700158623987654", "2023-11-16T18:17:03.987Z"),
        ("1700158623987654321", "2023-11-16T18:17:03.987Z"),
    ],
)
def test_instants_need_no_zone(text: str, instant: str) -> None:
    assert read(text) == [instant]
    assert read(text, zone="Asia/Kolkata") == [instant]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2023-11-16 18:17:03.9799600", "2023-11-16T12:47:03.979Z"),
        ("2023-11-16T18:17:03", "2023-11-16T12:47:03.000Z"),
        ("2023-11-16 18:17", "2023-11-16T12:47:00.000Z"),
        ("2023/11/16 18:17:03", "2023-11-16T12:47:03.000Z"),
        ("2023-11-16", "2023-11-15T18:30:00.000Z"),
    ],
)
def test_local_times_are_read_in_the_zone(text: str, instant: str) -> None:
    assert read(text, zone="Asia/Kolkata") == [instant]
    assert Times().naive(pl.Series([text])) == text


def test_what_is_no_time_goes_on_as_it_is() -> None:
    assert read("yesterday", "", None, zone="UTC") == ["yesterday", "", None]


def test_an_hour_that_comes_twice_is_the_first() -> None:
    assert read("2026-10-25 02:30:00", zone="Europe/Berlin") == ["2026-10-25T00:30:00.000Z"]


def test_an_hour_that_never_comes_is_marked() -> None:
    times = Times.of("Europe/Berlin", None)
    _, nowhere = times.read(pl.Series(["2026-03-29 02:30:00", "2026-03-29 03:30:00"]))
    assert nowhere.to_list() == [True, False]
    assert "does not exist in Europe/Berlin" in times.leapt("2026-03-29 02:30:00")


def test_a_format_of_its_own() -> None:
    assert read("16.11.2023 18:17", zone="UTC", pattern="%d.%m.%Y %H:%M") == ["2023-11-16T18:17:00.000Z"]
    assert read("16.11.2023 18:17 +0100", pattern="%d.%m.%Y %H:%M %z") == ["2023-11-16T17:17:00.000Z"]


def test_typed_columns() -> None:
    instant = datetime(2023, 11, 16, 18, 17, 3, 987_654)  # noqa: DTZ001 - a local time
    assert read(instant.replace(tzinfo=ZoneInfo("Europe/Berlin"))) == ["2023-11-16T17:17:03.987Z"]
    assert read(instant, zone="UTC") == ["2023-11-16T18:17:03.987Z"]
    assert read(date(2023, 11, 16), zone="UTC") == ["2023-11-16T00:00:00.000Z"]
    assert read(1_700_158_623) == ["2023-11-16T18:17:03.000Z"]
    assert read(1_700_158_623.5) == ["2023-11-16T18:17:03.500Z"]
    assert Times().naive(pl.Series([instant])) is not None
    assert Times().naive(pl.Series([1_700_158_623])) is None


def test_an_unknown_zone_is_named() -> None:
    with pytest.raises(MappingError, match="'Berlin' is not an IANA time zone"):
        Times.of("Berlin", None)


@settings(deadline=None)
@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001 - gets its offset below
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_any_rfc_3339_time_keeps_its_millisecond(moment: datetime, offset: timezone) -> None:
    aware = moment.replace(tzinfo=offset)
    (text,) = read(aware.isoformat())
    assert text is not None
    assert datetime.fromisoformat(text) == aware.astimezone(UTC) - timedelta(microseconds=aware.microsecond % 1000)
