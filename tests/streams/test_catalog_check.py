"""What a schema cannot see is found before a catalog is applied."""

from __future__ import annotations

from typing import Any

import pytest

from outlay_schemas.catalog import Catalog
from outlay_streams.catalog import check

JULY = "2026-07-01T00:00:00Z"
TEAM = {"id": "search"}
PROJECT = {"id": "ranking", "team": "search"}


def found(**parts: Any) -> list[tuple[str, str]]:
    return [(problem.pointer, problem.message) for problem in check(Catalog.model_validate(parts))]


def test_a_sound_catalog_has_no_problems() -> None:
    rule = {
        "id": "r",
        "match": {"tags.squad": "*", "model": ["gpt-*"]},
        "set": {"team": "search"},
        "fill": {"env": "${tags.env}"},
    }
    price = {"id": "p", "sku": {"provider": "x"}, "discount": 5}
    assert (
        found(
            teams=[TEAM], projects=[PROJECT], apps=[{"id": "api", "project": "ranking"}], rules=[rule], prices=[price]
        )
        == []
    )


@pytest.mark.parametrize(
    ("parts", "pointer", "message"),
    [
        (
            {"teams": [TEAM, {"id": "growth"}, TEAM]},
            "/teams/2/id",
            "team 'search' is there twice at the same time; remove one, or give them dates that do not overlap",
        ),
        (
            {"rules": [{"id": "r", "set": {"env": "x"}, "from": JULY, "to": JULY}]},
            "/rules/0/to",
            "rule 'r' ends before it begins; put 'to' after 'from'",
        ),
        (
            {"teams": [TEAM], "projects": [{"id": "p", "team": "serch"}]},
            "/projects/0/team",
            "unknown team 'serch'; did you mean 'search'?",
        ),
        ({"projects": [PROJECT]}, "/projects/0/team", "unknown team 'search'; declare it under teams"),
        ({"apps": [{"id": "a", "project": "x"}]}, "/apps/0/project", "unknown project 'x'; declare it under projects"),
        ({"apps": [{"id": "a", "team": "x"}]}, "/apps/0/team", "unknown team 'x'; declare it under teams"),
        (
            {
                "teams": [TEAM, {"id": "growth"}],
                "projects": [PROJECT],
                "apps": [{"id": "a", "project": "ranking", "team": "growth"}],
            },
            "/apps/0/team",
            (
                "app 'a' names team 'growth', but its project 'ranking' belongs to 'search'; "
                "leave the team out, it follows from the project"
            ),
        ),
        (
            {"organisation": {"defaults": {"squad": "x"}}},
            "/organisation/defaults/squad",
            (
                "'squad' is no attribution dimension; "
                "known: app, business_unit, department, env, key, project, team, use_case, user"
            ),
        ),
        (
            {"teams": [TEAM], "keys": [{"id": "k", "set": {"team": "sarch"}}]},
            "/keys/0/set/team",
            "unknown team 'sarch'; did you mean 'search'?",
        ),
        (
            {"keys": [{"id": "k", "set": {"env": "${tags.env}"}}]},
            "/keys/0/set/env",
            "only rules may copy a field with ${...}; write a plain value, or a rule",
        ),
        (
            {"rules": [{"id": "r", "set": {"tema": "x"}}]},
            "/rules/0/set/tema",
            "'tema' is no attribution dimension; did you mean 'team'?",
        ),
        (
            {"rules": [{"id": "r", "fill": {"env": "${tags.env"}}]},
            "/rules/0/fill/env",
            "'${tags.env' has a '${' that is not closed; write for example ${tags.squad}",
        ),
        (
            {"rules": [{"id": "r", "fill": {"env": "${modle}"}}]},
            "/rules/0/fill/env",
            "'${modle}' copies the unknown field 'modle'; did you mean 'model'?",
        ),
        (
            {"rules": [{"id": "r", "match": {"squad": "x"}, "fill": {"env": "x"}}]},
            "/rules/0/match/squad",
            "unknown field 'squad'; a tag is written tags.squad",
        ),
        (
            {"rules": [{"id": "r", "match": {"model": []}, "fill": {"env": "x"}}]},
            "/rules/0/match/model",
            "an empty list never matches; name at least one value",
        ),
        ({"rules": [{"id": "r"}]}, "/rules/0", "rule 'r' neither sets nor fills anything; give it 'set' or 'fill'"),
        (
            {"rules": [{"id": "r", "set": {"env": "x"}, "fill": {"env": "y"}}]},
            "/rules/0/fill/env",
            "'env' is in 'set' as well, which wins; keep one",
        ),
        (
            {"prices": [{"id": "p", "sku": {"provider": "x"}}]},
            "/prices/0",
            "price 'p' has neither 'discount' nor 'rates'; give it one",
        ),
        (
            {"prices": [{"id": "p", "sku": {"provider": "x"}, "rates": {"seats": 1}, "discount_units": ["seats"]}]},
            "/prices/0/discount_units",
            "units of a discount without 'discount'; give it one",
        ),
    ],
)
def test_a_fault_is_placed_and_its_fix_named(parts: dict[str, Any], pointer: str, message: str) -> None:
    assert found(**parts) == [(pointer, message)]


def test_an_id_may_come_again_for_other_dates() -> None:
    assert found(teams=[{**TEAM, "to": JULY}, {**TEAM, "from": JULY}]) == []


def test_overlaps_are_found_in_any_order() -> None:
    long, short = {**TEAM, "to": JULY}, {**TEAM, "from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"}
    assert [pointer for pointer, _ in found(teams=[short, long])] == ["/teams/0/id"]


def test_an_app_may_repeat_the_team_its_project_has_at_that_time() -> None:
    projects = [{**PROJECT, "to": JULY}, {"id": "ranking", "team": "growth", "from": JULY}]
    app = {"id": "a", "project": "ranking", "team": "growth", "from": JULY}
    assert found(teams=[TEAM, {"id": "growth"}], projects=projects, apps=[app]) == []


def test_rules_may_name_any_team_while_the_catalog_declares_none() -> None:
    assert found(rules=[{"id": "r", "set": {"team": "anything", "project": "x"}}]) == []


def test_a_rule_may_leave_a_team_unallocated() -> None:
    assert found(teams=[TEAM], rules=[{"id": "r", "set": {"team": "unallocated"}}]) == []
