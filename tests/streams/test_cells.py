"""Cells, days and tag days are the entries summed: nothing lost, nothing twice, days in the org's own zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay_schemas.arrow import ENTRIES
from outlay_schemas.usage import MAX_COUNT
from outlay_streams.cells import cells, days, tag_days
from tests.builders import block, entries

ZONES = ("UTC", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe", "Pacific/Chatham")

rows = st.fixed_dictionaries(
    {
        "org": st.sampled_from(["acme", "beta"]),
        "time": st.integers(0, 400 * 24 * 4).map(
            lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=15 * n)
        ),
        "team": st.sampled_from(["search", "ads"]),
        "model": st.sampled_from(["gpt-5", "gpt-5-mini"]),
        "status": st.sampled_from(["priced", "free"]),
        "amount": st.decimals(0, 10**6, places=12),
        "input_tokens": st.integers(0, 10**9),
        "calls": st.integers(1, 5),
        "tags": st.dictionaries(st.sampled_from(["a", "b", "c"]), st.sampled_from(["x", "y"])),
    }
)


def sorted_rows(table: pa.Table) -> list[dict[str, Any]]:
    return sorted(table.to_pylist(), key=repr)


@settings(deadline=None)
@given(st.lists(rows, max_size=30), st.sampled_from(ZONES), st.sampled_from(ZONES))
def test_sums_equal_a_count_row_by_row(batch: list[dict[str, Any]], acme: str, beta: str) -> None:
    table = entries(*batch) if batch else ENTRIES.empty_table()
    zones = {"acme": acme, "beta": beta}
    expected = block(table, zones=zones)
    local = {org: ZoneInfo(zone) for org, zone in zones.items()}
    found = cells(table)
    assert sorted_rows(found) == sorted_rows(expected.cells)
    assert sorted_rows(days(found, local)) == sorted_rows(expected.days)
    assert sorted_rows(tag_days(table, local)) == sorted_rows(expected.tag_days)


@pytest.mark.parametrize(
    ("instant", "zone", "day"),
    [
        ("2026-03-29T21:59:59.999+00:00", "Europe/Berlin", 29),  # the day of 23 hours ends an hour earlier
        ("2026-03-29T22:00:00+00:00", "Europe/Berlin", 30),
        ("2026-10-25T22:59:59.999+00:00", "Europe/Berlin", 25),  # the day of 25 hours
        ("2026-10-25T23:00:00+00:00", "Europe/Berlin", 26),
        ("2026-05-04T18:29:59.999+00:00", "Asia/Kolkata", 4),  # half an hour off
        ("2026-05-04T18:30:00+00:00", "Asia/Kolkata", 5),
        ("2026-05-04T11:15:00+00:00", "Pacific/Chatham", 5),  # three quarters
    ],
)
def test_a_day_is_the_zones_own(instant: str, zone: str, day: int) -> None:
    table = entries({"time": datetime.fromisoformat(instant)})
    (found,) = days(cells(table), {"acme": ZoneInfo(zone)})["day"].to_pylist()
    assert found.day == day


def test_an_unpriced_entry_counts_and_adds_no_money() -> None:
    table = entries({"amount": None, "status": "unpriced", "reason": "unknown_model: x"}, {"amount": "2"})
    found = {row["status"]: (row["entries"], row["amount"]) for row in cells(table).to_pylist()}
    assert found == {"unpriced": (1, 0), "priced": (1, 2)}


@settings(deadline=None)
@given(st.lists(st.integers(MAX_COUNT - 3, MAX_COUNT), min_size=1, max_size=50))
def test_counts_at_their_limit_sum_exactly(counts: list[int]) -> None:
    summed = cells(entries(*({"input_tokens": count, "calls": count} for count in counts)))

    assert summed["input_tokens"].to_pylist() == summed["calls"].to_pylist() == [sum(counts)]


def test_no_sum_of_nine_million_entries_wraps() -> None:
    assert 9_000_000 * MAX_COUNT < 2**63
