"""Budgets as a catalog declares them, and their states as records."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from outlay_schemas.budgets import (
    Budget,
    BudgetState,
    Spent,
    TeamWindows,
    decode_state,
    encode_state,
    read_record_key,
    record_key,
    row_key,
)
from outlay_schemas.calendar import Cadence, Period
from tests.builders import NOON

DAY = Period(NOON.replace(hour=0), NOON.replace(day=NOON.day + 1, hour=0))
SPENT = Spent.of(DAY, 10**30 + 1, 3, 1)


def budget(**changed: Any) -> Budget:
    return Budget.model_validate({"id": "b", "amount": "12.50", **changed})


def test_it_starts_with_the_month_in_the_reporting_zone_unless_it_says_otherwise() -> None:
    calendar = budget().calendar(ZoneInfo("Europe/Berlin"))
    assert (calendar.cadence, calendar.zone.key, calendar.day) == (Cadence.MONTH, "Europe/Berlin", 1)
    calendar = budget(zone="Asia/Tokyo", cadence="year", starts="04-06").calendar(ZoneInfo("UTC"))
    assert (calendar.zone.key, calendar.month, calendar.day) == ("Asia/Tokyo", 4, 6)
    assert budget(cadence="week", starts="Sunday").calendar(ZoneInfo("UTC")).weekday == 6
    assert budget(starts="31").calendar(ZoneInfo("UTC")).day == 31


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"starts": "0"}, "starts '0' does not fit cadence month; write a day of the month, 1 to 31"),
        ({"cadence": "week", "starts": "1"}, "write a weekday, for example monday"),
        ({"cadence": "quarter", "starts": "13-01"}, "write a month and a day, for example 04-01"),
        ({"cadence": "day", "starts": "1"}, "leave it out"),
        ({"cadence": "once", "from": "2026-05-04T00:00:00Z"}, "needs both 'from' and 'to'"),
        ({"from": "2026-05-04T00:10:00Z"}, "'from' of a budget lies on a quarter hour"),
        ({"amount": "-1"}, "greater than or equal to 0"),
        ({"amount": "0.0000000000001"}, "no more than 12 decimal places"),
        ({"zone": "CEST"}, "is not an IANA time zone"),
        ({"thresholds": [50]}, "Extra inputs"),
    ],
)
def test_what_cannot_be_a_budget_is_refused_with_the_fix(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        budget(**wrong)


@pytest.mark.parametrize(
    ("row", "state"),
    [
        (
            row_key(budget="b"),
            BudgetState(
                org="acme",
                budget=budget(scope={"team": ["a", "b"]}),
                zone="Asia/Kolkata",
                version=3,
                periods=(SPENT,),
                marks={"spend/0": 2**40},
                starting=True,
                at=NOON,
            ),
        ),
        (
            row_key(team="search"),
            TeamWindows(org="acme", team="search", minutes=(SPENT,), hours=(), marks={}, at=NOON),
        ),
    ],
)
def test_states_are_records_and_come_back_the_same(row: str, state: BudgetState | TeamWindows) -> None:
    value = encode_state(state)
    assert b'"amount":"1000000000000000000.000000000001"' in value
    assert decode_state(row, value) == state
    assert read_record_key(record_key("acme", row)) == ("acme", row)


def test_what_a_newer_writer_adds_to_a_state_is_passed_over() -> None:
    state = BudgetState(
        org="acme", budget=budget(), zone="UTC", version=1, periods=(SPENT,), marks={}, starting=False, at=NOON
    )
    value = encode_state(state).replace(b'{"id":', b'{"later":[80],"id":').replace(b'{"org":', b'{"later":1,"org":')
    assert value.count(b"later") == 2
    assert decode_state(row_key(budget="b"), value) == state


@pytest.mark.parametrize("key", [b"acme", b"acme\x1fother", b"acme\x1f"])
def test_a_key_that_is_none_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="is no key of a budget state"):
        read_record_key(key)


def test_a_state_tells_the_period_at_an_instant() -> None:
    state = BudgetState(
        org="acme", budget=budget(cadence="day"), zone="UTC", version=1, periods=(SPENT,), marks={}, starting=False
    )
    assert state.spent(NOON) == SPENT
    later = state.spent(NOON.replace(day=NOON.day + 3))
    assert later is not None
    assert (later.start, later.amount, later.entries) == (DAY.start.replace(day=NOON.day + 3), 0, 0)
    assert state.spent(NOON.replace(day=NOON.day - 1)) is None
