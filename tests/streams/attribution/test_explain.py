"""An explanation names, for each dimension, who gave it and the document that says so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from outlay_schemas.catalog import App, Catalog, KeyOwner, Organisation, Project, Rule, Team
from outlay_schemas.dimensions import ATTRIBUTION
from outlay_streams.attribution import Explanation, Step, explain, explain_entry

JULY = datetime(2026, 7, 1, tzinfo=UTC)
CATALOG = Catalog.model_validate(
    {
        "organisation": Organisation(defaults={"use_case": "general"}),
        "teams": [
            Team(id="search", department="Old", effective_to=JULY),
            Team(id="search", department="Discovery", business_unit="consumer", effective_from=JULY),
        ],
        "projects": [Project(id="ranking", team="search")],
        "apps": [App(id="api", project="ranking"), App(id="tool", team="search", env="lab")],
        "keys": [KeyOwner(id="k1", set={"app": "api"})],
        "rules": [Rule(id="crawler", match={"tags.job": "*"}, set={"env": "${tags.job}"})],
    }
)


def steps(explanation: Explanation) -> dict[str, Step]:
    return {step.dimension: step for step in explanation.steps}


def test_every_giver_is_named_with_its_document() -> None:
    explanation = explain(CATALOG, {"key": "k1", "user": "u7", "tags.job": "night"}, JULY)
    assert (
        explanation.rule_id == "key:k1=app,rule:crawler=env,tree=business_unit+department+team+project,default=use_case"
    )
    found = {name: (step.value, step.by, step.kind, step.id) for name, step in steps(explanation).items()}
    assert found == {
        "business_unit": ("consumer", "tree", "team", "search"),
        "department": ("Discovery", "tree", "team", "search"),
        "team": ("search", "tree", "project", "ranking"),
        "project": ("ranking", "tree", "app", "api"),
        "app": ("api", "key", "key", "k1"),
        "env": ("night", "rule", "rule", "crawler"),
        "key": ("k1", "event", "", ""),
        "user": ("u7", "event", "", ""),
        "use_case": ("general", "default", "organisation", ""),
    }
    assert steps(explanation)["env"].document == {
        "id": "crawler",
        "match": {"tags.job": "*"},
        "set": {"env": "${tags.job}"},
        "fill": {},
    }


def test_the_document_is_the_one_that_held_at_the_time_of_the_event() -> None:
    step = steps(explain(CATALOG, {"team": "search"}, datetime(2026, 6, 30, 23, 59, 59, 999_999, tzinfo=UTC)))[
        "department"
    ]
    assert (step.value, step.document) == (
        "Old",
        {"id": "search", "department": "Old", "owners": [], "to": "2026-07-01T00:00:00Z"},
    )


def test_an_entry_explains_itself_from_what_the_ledger_stores() -> None:
    live = explain(CATALOG, {"app": "tool", "tags.job": "night"}, JULY)
    stored = {step.dimension: step.value for step in live.steps}
    assert explain_entry(CATALOG, stored, rule_id=live.rule_id, at=JULY) == live
    assert steps(live)["team"].id == "tool"


def test_a_catalog_that_lacks_the_document_still_names_it() -> None:
    resolved = {**dict.fromkeys(ATTRIBUTION, "unallocated"), "team": "x"}
    step = steps(explain_entry(Catalog(), resolved, rule_id="rule:gone=team", at=JULY))["team"]
    assert (step.by, step.kind, step.id, step.document) == ("rule", "rule", "gone", None)


@pytest.mark.parametrize(
    ("said", "dimension", "text"),
    [
        ({"team": "x"}, "team", "team is x: the event says so"),
        ({}, "team", "team is unallocated: nothing says"),
        ({}, "use_case", "use_case is general: the organisation's default"),
        ({"tags.job": "night"}, "env", "env is night: given by rule crawler"),
        ({"team": "search"}, "department", "department is Discovery: given by team search"),
    ],
)
def test_a_step_reads_as_a_line(said: dict[str, Any], dimension: str, text: str) -> None:
    assert steps(explain(CATALOG, said, JULY))[dimension].text == text
