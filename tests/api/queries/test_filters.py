"""The grammar of filters, groups and measures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay_api.queries.fields import DIMENSIONS, parse_fields
from outlay_api.queries.filters import Filter, parse_filter, parse_filters
from outlay_api.queries.measures import parse_measures
from outlay_api.queries.statement import InvalidQuery


@pytest.mark.parametrize(
    ("text", "name", "values", "negated"),
    [
        ("team:search", "team", ("search",), False),
        ("team:search,ads,search", "team", ("search", "ads"), False),
        ("-env:dev", "env", ("dev",), True),
        ("team:unallocated", "team", ("unallocated",), False),
        ("region:", "region", ("",), False),
        ("tags.feature:chat", "tags.feature", ("chat",), False),
        (r"tags.a\:b:x\,y,z", "tags.a:b", ("x,y", "z"), False),
        ("source:urn:outlay:sdk", "source", ("urn:outlay:sdk",), False),
        (r"model:a\\b", "model", (r"a\b",), False),
    ],
)
def test_a_filter_is_read(text: str, name: str, values: tuple[str, ...], negated: bool) -> None:
    found = parse_filter(text)
    assert (found.field.name, found.values, found.negated) == (name, values, negated)


def _escaped(text: str) -> str:
    return "".join(f"\\{char}" if char in "\\,:" else char for char in text)


@given(key=st.text(min_size=1), values=st.lists(st.text(), min_size=1, unique=True), negated=st.booleans())
def test_any_tag_and_value_can_be_written(key: str, values: list[str], negated: bool) -> None:
    text = f"{'-' if negated else ''}tags.{_escaped(key)}:{','.join(map(_escaped, values))}"
    found = parse_filter(text)
    assert (found.field.tag, found.values, found.negated) == (key, tuple(values), negated)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("team", "'team' has no ':'; write FIELD:VALUE"),
        ("tem:x", "'tem' is not a dimension; use one of business_unit"),
        ("tags.:x", "'tags.' is not a dimension"),
        ("team:" + ",".join(map(str, range(1001))), "at most 1000"),
    ],
)
def test_what_is_no_filter_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidQuery, match=message):
        parse_filter(text)


@pytest.mark.parametrize(
    ("text", "needs"),
    [("tags.a:x", True), ("tags.a:x,unallocated", False), ("-tags.a:x", False), ("-tags.a:unallocated", True)],
)
def test_some_filters_let_only_tagged_entries_pass(text: str, needs: bool) -> None:
    assert parse_filter(text).needs_tag is needs


def test_filters_do_not_depend_on_their_order() -> None:
    assert parse_filters(["team:a", "-env:dev"]) == parse_filters(["-env:dev", "team:a", "team:a"])


def test_groups_are_comma_separated_or_repeated() -> None:
    assert [field.name for field in parse_fields(["team,provider", "team", "tags.x"], parameter="group_by")] == [
        "team",
        "provider",
        "tags.x",
    ]


def test_every_dimension_can_be_grouped_and_filtered() -> None:
    assert len(parse_fields([",".join(DIMENSIONS)], parameter="group_by")) == len(DIMENSIONS)
    assert all(isinstance(parse_filter(f"{name}:x"), Filter) for name in DIMENSIONS)


@pytest.mark.parametrize(
    ("asked", "measures"),
    [
        ([], ["amount", "calls", "unpriced"]),
        (["calls"], ["calls"]),
        (["requests,amount"], ["calls", "amount", "unpriced"]),
        (["quantities.input_tokens"], ["input_tokens"]),
        (["quantities.gpu_seconds", "users"], ["quantities.gpu_seconds", "users"]),
    ],
)
def test_measures(asked: list[str], measures: list[str]) -> None:
    assert [measure.name for measure in parse_measures(asked)] == measures


@pytest.mark.parametrize("text", ["amuont", "quantities.", "quantities.GPU", "images"])
def test_an_unknown_measure_is_refused(text: str) -> None:
    with pytest.raises(InvalidQuery, match="is not a measure; use one of amount"):
        parse_measures([text])
