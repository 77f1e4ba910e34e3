"""Valid events become columns that say exactly what was sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay_schemas.arrow import REJECTS, USAGE
from outlay_schemas.usage import MAX_COUNT
from outlay_streams.decode import decode
from tests.support.events import NOW, decoded, event


def row(**fields: object) -> dict[str, object]:
    batch = decoded([event(**fields)])
    assert batch.outcomes == [None], batch.outcomes
    return batch.usage.to_pylist(maps_as_pydicts="strict")[0]


def test_tables_follow_the_schemas() -> None:
    batch = decoded([event(), event(id="e2", wrong=1)])
    assert batch.usage.schema.equals(USAGE)
    assert batch.rejects.schema.names == REJECTS.names
    assert batch.rejects.schema.types == REJECTS.types


def test_no_events_are_empty_tables() -> None:
    batch = decoded([])
    assert (batch.usage.num_rows, batch.rejects.num_rows, batch.outcomes) == (0, 0, [])
    assert batch.usage.schema.equals(USAGE)


def test_frequent_units_have_columns_and_the_rest_sit_in_the_open_list() -> None:
    found = row(quantities={"input_tokens": 386, "reasoning_tokens": "7", "images": 2, "audio_seconds": 1.25})
    assert (found["input_tokens"], found["reasoning_tokens"], found["output_tokens"]) == (386, 7, 0)
    assert found["quantities"] == {"audio_seconds": Decimal("1.25"), "images": Decimal(2)}


def test_tags_and_open_quantities_are_sorted_by_name() -> None:
    batch = decoded([event(tags={"b": "2", "a": "1", "c": ""}, quantities={"pages": 1, "images": 2})])
    assert batch.usage["tags"].to_pylist() == [[("a", "1"), ("b", "2"), ("c", "")]]
    assert [unit for unit, _ in batch.usage["quantities"].to_pylist()[0]] == ["images", "pages"]


@pytest.mark.parametrize(
    ("fields", "calls"),
    [
        ({}, 1),
        ({"quantities": {"requests": 12}}, 12),
        ({"quantities": {"requests": 0}}, 0),
        ({"kind": "invoice", "amount": "3"}, 0),
        ({"kind": "invoice", "amount": "3", "quantities": {"requests": 5}}, 5),
    ],
)
def test_calls_are_said_or_one_for_usage(fields: dict[str, object], calls: int) -> None:
    found = row(**fields)
    assert found["calls"] == calls
    assert "requests" not in found["quantities"]


def test_the_org_is_the_callers_and_absent_fields_are_null() -> None:
    found = row()
    assert found["org"] == "acme"
    assert found["source"] == "api"
    assert {found[name] for name in ("team", "region", "latency_ms", "amount", "category")} == {None}


@pytest.mark.parametrize("number", ["12345678901.123456789012", "0.100000000001", "-999999999999.999999999999", "1E+3"])
def test_money_keeps_every_digit(number: str) -> None:
    assert row(kind="adjustment", amount=number)["amount"] == Decimal(number)


def test_json_numbers_keep_every_digit_too() -> None:
    sent = (
        b'{"id":"a","time":"2026-05-04T11:59:00Z","provider":"p","model":"m","provider_cost":12345678901.123456789012}'
    )
    batch = decode(sent, content_type="application/json", org="acme", now=NOW)
    assert batch.usage["provider_cost"].to_pylist() == [Decimal("12345678901.123456789012")]


@settings(deadline=None)
@given(
    st.datetimes(min_value=datetime(1970, 1, 3), max_value=datetime(2026, 5, 4)),  # noqa: DTZ001 - made aware below
    st.integers(-23 * 60, 23 * 60),
)
def test_times_of_any_offset_are_kept_to_the_millisecond(local: datetime, minutes: int) -> None:
    time = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    found = row(time=time.isoformat())["time"]
    instant = time.astimezone(UTC)
    assert found == instant.replace(microsecond=instant.microsecond // 1000 * 1000)


@settings(deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["input_tokens", "output_tokens", "requests", "images", "gpu_seconds"]),
            st.integers(0, MAX_COUNT),
        ),
        max_size=5,
    )
)
def test_quantities_survive_whatever_their_mix(batches: list[dict[str, int]]) -> None:
    batch = decoded([event(id=f"e{n}", quantities=units) for n, units in enumerate(batches)])
    for units, found in zip(batches, batch.usage.to_pylist(maps_as_pydicts="strict"), strict=True):
        columns = {name: found[name] for name in ("input_tokens", "output_tokens") if name in units}
        calls = {"requests": found["calls"]} if "requests" in units else {}
        assert columns | calls | found["quantities"] == units
