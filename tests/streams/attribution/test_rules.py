"""What a rule matches, and the values it gives."""

from __future__ import annotations

from typing import Any

import pytest

from outlay_schemas.catalog import Catalog, Rule
from outlay_streams.attribution import Attributor
from tests.builders import usage


def env_of(rule: dict[str, Any], **event: Any) -> str:
    """Return the `env` a single rule leads to, `-` when it gives none."""
    catalog = Catalog(rules=(Rule.model_validate({"id": "r", "set": {"env": "hit"}, **rule}),))
    env: str = Attributor(catalog).resolve(usage(event))["env"][0].as_py()
    return env.replace("unallocated", "-")


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({}, "hit"),
        ({"model": "gpt-5-mini"}, "hit"),
        ({"model": "gpt-5"}, "-"),
        ({"model": "gpt-5*"}, "hit"),
        ({"model": "GPT-5*"}, "-"),
        ({"model": "gpt-?-[mn]*"}, "hit"),
        ({"model": ["o3", "gpt-5*"]}, "hit"),
        ({"model": ["o3", "o4*"]}, "-"),
        ({"model": "gpt-5*", "provider": "openai"}, "hit"),
        ({"model": "gpt-5*", "provider": "azure"}, "-"),
        ({"tags.tier": "gold"}, "hit"),
        ({"tags.tier": "*"}, "hit"),
        ({"tags.absent": "*"}, "-"),
        ({"tags.empty": "*"}, "-"),
        ({"team": "*"}, "-"),
        ({"user": "svc[1]"}, "hit"),
        ({"source": "api", "operation": "chat", "service_tier": "batch", "region": "eu*"}, "hit"),
        ({"kind": "usage", "outcome": "ok"}, "hit"),
        ({"category": "model_api"}, "-"),
    ],
)
def test_all_conditions_must_hold(match: dict[str, Any], expected: str) -> None:
    event = {"operation": "chat", "service_tier": "batch", "region": "eu-central-1", "user": "svc[1]"}
    assert env_of({"match": match}, tags={"tier": "gold", "empty": "", "squad": "kite"}, **event) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("${tags.squad}", "kite"),
        ("${model}", "gpt-5-mini"),
        ("x-${tags.squad}-${region}", "x-kite-eu"),
        ("${team}", "-"),
        ("${tags.absent}", "-"),
        ("${tags.empty}", "-"),
        ("${tags.long}${tags.long}", "-"),
        ("$5", "$5"),
    ],
)
def test_a_value_copies_fields_and_tags_and_gives_nothing_when_one_is_missing(template: str, expected: str) -> None:
    tags = {"squad": "kite", "empty": "", "long": "x" * 200}
    assert env_of({"set": {"env": template}}, region="eu", tags=tags) == expected


def test_a_rule_that_cannot_render_its_value_leaves_the_dimension_to_the_next() -> None:
    catalog = Catalog(rules=(Rule(id="one", set={"env": "${tags.env}"}), Rule(id="two", set={"env": "rest"})))
    resolved = Attributor(catalog).resolve(usage({"tags": {"env": "beta"}}, {}))
    assert resolved["env"].to_pylist() == ["beta", "rest"]
    assert resolved["rule_id"].to_pylist() == ["rule:one=env", "rule:two=env"]
