"""Effective dates: half-open, on the event's own time, exact to the millisecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from outlay_schemas.catalog import App, Catalog, KeyOwner, Project, Rule, Team
from outlay_streams.attribution import Attributor
from tests.builders import usage

CHANGE = datetime(2026, 7, 1, 0, 0, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
AROUND = (CHANGE - MILLISECOND, CHANGE, CHANGE + MILLISECOND)


def dated(**dates: datetime) -> Any:
    return {name.rstrip("_"): instant for name, instant in dates.items()}


@pytest.mark.parametrize(
    ("catalog", "event", "column"),
    [
        pytest.param(
            Catalog(
                rules=[
                    Rule(id="r", set={"env": "old"}, **dated(to=CHANGE)),
                    Rule(id="r", set={"env": "new"}, **dated(from_=CHANGE)),
                ]
            ),
            {},
            "env",
            id="rule",
        ),
        pytest.param(
            Catalog(
                keys=[
                    KeyOwner(id="k", set={"env": "old"}, **dated(to=CHANGE)),
                    KeyOwner(id="k", set={"env": "new"}, **dated(from_=CHANGE)),
                ]
            ),
            {"key": "k"},
            "env",
            id="key",
        ),
        pytest.param(
            Catalog(apps=[App(id="a", env="old", **dated(to=CHANGE)), App(id="a", env="new", **dated(from_=CHANGE))]),
            {"app": "a"},
            "env",
            id="app",
        ),
        pytest.param(
            Catalog(
                projects=[
                    Project(id="p", team="old", **dated(to=CHANGE)),
                    Project(id="p", team="new", **dated(from_=CHANGE)),
                ]
            ),
            {"project": "p"},
            "team",
            id="project",
        ),
        pytest.param(
            Catalog(
                teams=[
                    Team(id="t", department="old", **dated(to=CHANGE)),
                    Team(id="t", department="new", **dated(from_=CHANGE)),
                ]
            ),
            {"team": "t"},
            "department",
            id="team",
        ),
    ],
)
def test_a_document_holds_from_its_first_instant_and_ends_before_its_last(
    catalog: Catalog, event: dict[str, Any], column: str
) -> None:
    batch = usage(*({**event, "time": time} for time in AROUND))
    assert Attributor(catalog).resolve(batch)[column].to_pylist() == ["old", "new", "new"]


def test_a_start_between_two_milliseconds_holds_from_the_later_one() -> None:
    catalog = Catalog(rules=[Rule(id="r", set={"env": "x"}, **dated(from_=CHANGE + timedelta(microseconds=1)))])
    batch = usage(*({"time": time} for time in AROUND))
    assert Attributor(catalog).resolve(batch)["env"].to_pylist() == ["unallocated", "unallocated", "x"]


def test_an_end_between_two_milliseconds_still_covers_the_earlier_one() -> None:
    catalog = Catalog(rules=[Rule(id="r", set={"env": "x"}, **dated(to=CHANGE + timedelta(microseconds=1)))])
    batch = usage(*({"time": time} for time in AROUND))
    assert Attributor(catalog).resolve(batch)["env"].to_pylist() == ["x", "x", "unallocated"]


def test_dates_before_1970_work_as_well() -> None:
    start = datetime(1969, 6, 1, 0, 0, 0, 1, tzinfo=UTC)
    catalog = Catalog(rules=[Rule(id="r", set={"env": "x"}, **dated(from_=start))])
    batch = usage({"time": datetime(1969, 6, 1, tzinfo=UTC)}, {"time": datetime(1969, 6, 1, 0, 0, 0, 1000, tzinfo=UTC)})
    assert Attributor(catalog).resolve(batch)["env"].to_pylist() == ["unallocated", "x"]


def test_an_end_in_another_offset_is_the_same_instant() -> None:
    catalog = Catalog.model_validate({"rules": [{"id": "r", "set": {"env": "x"}, "to": "2026-07-01T05:30:00+05:30"}]})
    batch = usage(*({"time": time} for time in AROUND))
    assert Attributor(catalog).resolve(batch)["env"].to_pylist() == ["x", "unallocated", "unallocated"]
