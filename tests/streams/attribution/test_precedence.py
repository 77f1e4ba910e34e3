"""Who decides a dimension: the event, its key, the rules, the org tree, the defaults, in this order."""

from __future__ import annotations

from typing import Any

import pytest

from outlay_schemas.catalog import App, Catalog, KeyOwner, Organisation, Project, Rule, Team
from outlay_schemas.dimensions import ATTRIBUTION, UNALLOCATED
from outlay_streams.attribution import Attributor
from tests.builders import usage

TREE = Catalog(
    teams=(
        Team(id="search", department="Discovery", business_unit="consumer"),
        Team(id="growth", department="Marketing"),
    ),
    projects=(Project(id="ranking", team="search", use_case="relevance"),),
    apps=(App(id="search-api", project="ranking", env="production"), App(id="mailer", team="growth")),
)


def resolve(catalog: Catalog, **event: Any) -> dict[str, str]:
    """Return the dimensions of one event that something gave or the event said, and the rule id."""
    row: dict[str, str] = Attributor(catalog).resolve(usage(event)).to_pylist()[0]
    return {name: value for name, value in row.items() if value != UNALLOCATED}


def with_tree(**parts: Any) -> Catalog:
    return TREE.model_copy(update=parts)


def test_an_empty_catalog_keeps_what_the_event_says_and_shows_the_rest_as_unallocated() -> None:
    row = Attributor(Catalog()).resolve(usage({"team": "search"})).to_pylist()[0]
    assert row == {**dict.fromkeys(ATTRIBUTION, UNALLOCATED), "team": "search", "rule_id": ""}


def test_the_tree_leads_from_an_app_to_its_business_unit() -> None:
    assert resolve(TREE, app="search-api") == {
        "app": "search-api",
        "env": "production",
        "project": "ranking",
        "use_case": "relevance",
        "team": "search",
        "department": "Discovery",
        "business_unit": "consumer",
        "rule_id": "tree=business_unit+department+team+project+env+use_case",
    }


def test_an_app_may_name_its_team_directly() -> None:
    assert resolve(TREE, app="mailer")["department"] == "Marketing"


def test_the_tree_only_fills_what_the_event_leaves_open() -> None:
    resolved = resolve(TREE, app="search-api", team="growth", env="staging")
    assert (resolved["team"], resolved["department"], resolved["env"]) == ("growth", "Marketing", "staging")
    assert resolved["project"] == "ranking"


def test_a_key_fills_what_the_event_leaves_open_and_the_tree_goes_on_from_it() -> None:
    catalog = with_tree(keys=(KeyOwner(id="k1", set={"project": "ranking", "env": "batch"}),))
    resolved = resolve(catalog, key="k1", env="staging")
    assert (resolved["project"], resolved["team"], resolved["env"]) == ("ranking", "search", "staging")
    assert resolved["rule_id"] == "key:k1=project,tree=business_unit+department+team+use_case"


def test_an_unknown_key_says_nothing() -> None:
    catalog = Catalog(keys=(KeyOwner(id="k1", set={"team": "search"}),))
    assert resolve(catalog, key="k2") == {"key": "k2", "rule_id": ""}


def test_set_overrides_the_event_and_its_key() -> None:
    catalog = Catalog(
        keys=(KeyOwner(id="k1", set={"project": "other"}),),
        rules=(Rule(id="r", set={"team": "search", "project": "ranking"}),),
    )
    assert resolve(catalog, key="k1", team="growth") == {
        "key": "k1",
        "team": "search",
        "project": "ranking",
        "rule_id": "rule:r=team+project",
    }


def test_the_first_rule_to_set_a_dimension_wins() -> None:
    catalog = Catalog(rules=(Rule(id="one", set={"team": "a"}), Rule(id="two", set={"team": "b", "env": "b"})))
    assert resolve(catalog) == {"team": "a", "env": "b", "rule_id": "rule:one=team,rule:two=env"}


def test_a_later_set_overrides_an_earlier_fill() -> None:
    catalog = Catalog(rules=(Rule(id="one", fill={"team": "a"}), Rule(id="two", set={"team": "b"})))
    assert resolve(catalog) == {"team": "b", "rule_id": "rule:two=team"}


def test_fill_leaves_alone_what_the_event_or_its_key_says() -> None:
    catalog = Catalog(
        keys=(KeyOwner(id="k1", set={"project": "p"}),),
        rules=(Rule(id="r", fill={"team": "a", "project": "a", "env": "a"}),),
    )
    assert resolve(catalog, key="k1", team="growth") == {
        "key": "k1",
        "team": "growth",
        "project": "p",
        "env": "a",
        "rule_id": "key:k1=project,rule:r=env",
    }


def test_rules_match_what_the_event_says_not_what_a_key_gave() -> None:
    catalog = Catalog(
        keys=(KeyOwner(id="k1", set={"team": "search"}),),
        rules=(Rule(id="r", match={"team": "search"}, set={"env": "x"}),),
    )
    assert "env" not in resolve(catalog, key="k1")
    assert resolve(catalog, team="search")["env"] == "x"


def test_a_rule_may_leave_a_dimension_unallocated_on_purpose() -> None:
    catalog = with_tree(rules=(Rule(id="r", match={"app": "search-api"}, set={"team": UNALLOCATED}),))
    assert resolve(catalog, app="search-api") == {
        "app": "search-api",
        "env": "production",
        "project": "ranking",
        "use_case": "relevance",
        "rule_id": "rule:r=team,tree=project+env+use_case",
    }


def test_defaults_come_last_and_the_tree_goes_on_from_them() -> None:
    defaults = {"team": "search", "department": "Elsewhere", "business_unit": "group"}
    catalog = with_tree(organisation=Organisation(defaults=defaults))
    assert resolve(catalog) == {
        "team": "search",
        "department": "Discovery",
        "business_unit": "consumer",
        "rule_id": "tree=business_unit+department,default=team",
    }
    assert resolve(catalog, app="mailer")["business_unit"] == "group"


@pytest.mark.parametrize("nothing", [None, "", UNALLOCATED])
def test_empty_text_and_unallocated_say_nothing(nothing: str | None) -> None:
    catalog = Catalog(rules=(Rule(id="r", match={"team": "*"}, set={"env": "x"}), Rule(id="f", fill={"team": "t"})))
    assert resolve(catalog, team=nothing) == {"team": "t", "rule_id": "rule:f=team"}


def test_columns_no_document_touches_are_passed_on_with_unallocated_for_nothing() -> None:
    assert resolve(TREE, user="") == {"rule_id": ""}
