"""Attribution of batches equals a row-by-row reading of the rules, whatever the catalog, events and batching."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, Protocol, TypeVar

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay_schemas.catalog import App, Catalog, KeyOwner, Organisation, Project, Rule, Team
from outlay_schemas.dimensions import ATTRIBUTION, UNALLOCATED
from outlay_streams.attribution import Attributor, explain, parse_rule_id
from tests.builders import usage

MILLISECOND = timedelta(milliseconds=1)
EDGES = [
    datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
    datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
    datetime(2026, 7, 1, 0, 0, 0, 500, tzinfo=UTC),
    datetime(2026, 7, 1, 0, 0, 0, 1000, tzinfo=UTC),
]


class _Dated(Protocol):
    @property
    def id(self) -> str: ...
    def effective(self, instant: datetime) -> bool: ...


D = TypeVar("D", bound=_Dated)

names = st.sampled_from(["a", "b", "ab", "c1"])
said = st.sampled_from([None, None, "a", "b", "ab", "c1", "x", "", UNALLOCATED])
conditions = st.sampled_from(["a", "b", "a*", "?1", "[ab]", "*", "x"])
values = st.sampled_from(["a", "b", "new", UNALLOCATED, "${tags.t}", "${team}-${tags.t}", "${model}", "${user}"])
fields = st.sampled_from(["provider", "model", "region", "operation", *ATTRIBUTION, "tags.t", "tags.u"])
optional = st.none() | names
given_values = st.dictionaries(st.sampled_from(ATTRIBUTION), values, max_size=3)
plain_values = st.dictionaries(st.sampled_from(ATTRIBUTION), names, max_size=3)


@st.composite
def dated(draw: st.DrawFn) -> dict[str, datetime | None]:
    return {"from": draw(st.none() | st.sampled_from(EDGES)), "to": draw(st.none() | st.sampled_from(EDGES))}


def listed(model: Any, **parts: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    document = st.builds(lambda dates, fixed: model(**dates, **fixed), dated(), st.fixed_dictionaries(parts))
    return st.lists(document, max_size=4)


catalogs = st.builds(
    Catalog,
    organisation=st.builds(Organisation, defaults=plain_values),
    teams=listed(Team, id=names, department=optional, business_unit=optional),
    projects=listed(Project, id=names, team=names, use_case=optional),
    apps=listed(App, id=names, project=optional, team=optional, env=optional),
    keys=listed(KeyOwner, id=names, set=plain_values),
    rules=listed(
        Rule,
        id=names,
        match=st.dictionaries(fields, conditions | st.lists(conditions, min_size=1, max_size=2).map(tuple), max_size=2),
        set=given_values,
        fill=given_values,
    ),
)
events = st.lists(
    st.fixed_dictionaries(
        {
            "time": st.builds(
                lambda edge, shift: _whole(edge) + shift * MILLISECOND, st.sampled_from(EDGES), st.integers(-1, 1)
            ),
            "provider": names,
            "model": names,
            "region": said,
            "operation": said,
            "tags": st.dictionaries(st.sampled_from(["t", "u", "v"]), st.sampled_from(["a", "b1", "", UNALLOCATED])),
            **dict.fromkeys(ATTRIBUTION, said),
        }
    ),
    min_size=1,
    max_size=12,
)


def _whole(instant: datetime) -> datetime:
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


class Reference:
    """The rules of attribution, read to one event at a time."""

    def __init__(self, catalog: Catalog, event: dict[str, Any]) -> None:
        self.catalog, self.event, self.at = catalog, event, event["time"]
        self.result: dict[str, str | None] = {name: self.said(name) for name in ATTRIBUTION}

    def said(self, name: str) -> str | None:
        if name.startswith("tags."):
            return self.event["tags"].get(name.removeprefix("tags.")) or None
        value: str | None = self.event[name] or None
        return None if name in ATTRIBUTION and value == UNALLOCATED else value

    def holding(self, documents: Iterable[D], document_id: str | None) -> D | None:
        return next((each for each in documents if each.id == document_id and each.effective(self.at)), None)

    def fill(self, name: str, value: str | None) -> None:
        self.result[name] = self.result[name] or value

    def render(self, template: str) -> str | None:
        for name in ("tags.t", "team", "model", "user"):
            if f"${{{name}}}" in template:
                if self.said(name) is None:
                    return None
                template = template.replace(f"${{{name}}}", self.said(name) or "")
        return template

    def matches(self, rule: Rule) -> bool:
        def holds(name: str, condition: str | tuple[str, ...]) -> bool:
            value = self.said(name)
            options = (condition,) if isinstance(condition, str) else condition
            return value is not None and any(value == option or fnmatchcase(value, option) for option in options)

        return rule.effective(self.at) and all(holds(name, condition) for name, condition in rule.match.items())

    def climb(self) -> None:
        app = self.holding(self.catalog.apps, self.result["app"])
        if app:
            self.fill("project", app.project)
            self.fill("env", app.env)
        project = self.holding(self.catalog.projects, self.result["project"])
        if project:
            self.fill("team", project.team)
            self.fill("use_case", project.use_case)
        if app:
            self.fill("team", app.team)
        team = self.holding(self.catalog.teams, self.result["team"])
        if team:
            self.fill("department", team.department)
            self.fill("business_unit", team.business_unit)

    def resolve(self) -> dict[str, str]:
        key = self.holding(self.catalog.keys, self.said("key"))
        for name, value in key.set.items() if key else ():
            self.fill(name, value)
        matching = [rule for rule in self.catalog.rules if self.matches(rule)]
        for name in ATTRIBUTION:
            winners = [rendered for rule in matching if name in rule.set and (rendered := self.render(rule.set[name]))]
            self.result[name] = winners[0] if winners else self.result[name]
        for rule in matching:
            for name, value in rule.fill.items():
                self.fill(name, self.render(value))
        self.climb()
        narrowest_first = ["app", "project", "team", "department", "business_unit", "env", "key", "user", "use_case"]
        for name in narrowest_first:
            if self.result[name] is None and name in self.catalog.organisation.defaults:
                self.fill(name, self.catalog.organisation.defaults[name])
                self.climb()
        return {name: value or UNALLOCATED for name, value in self.result.items()}


def dimensions(resolved: pa.Table) -> list[dict[str, str]]:
    return resolved.select(list(ATTRIBUTION)).to_pylist()


@given(catalogs, events)
@settings(max_examples=200, deadline=None)
def test_a_batch_resolves_as_its_events_one_by_one(catalog: Catalog, rows: list[dict[str, Any]]) -> None:
    resolved = Attributor(catalog).resolve(usage(*rows))
    assert dimensions(resolved) == [Reference(catalog, row).resolve() for row in rows]
    assert all(column.null_count == 0 for column in resolved.columns)


@given(catalogs, events, st.data())
@settings(max_examples=50, deadline=None)
def test_splitting_and_joining_batches_changes_nothing(
    catalog: Catalog, rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    whole = usage(*rows)
    cut = data.draw(st.integers(0, len(rows)))
    pieces = [whole.slice(0, cut), whole.slice(cut)]
    attributor = Attributor(catalog, cache_size=data.draw(st.integers(1, 3)))
    expected = Attributor(catalog).resolve(whole)
    assert pa.concat_tables([attributor.resolve(piece) for piece in pieces]).combine_chunks() == expected
    assert attributor.resolve(pa.concat_tables(pieces)) == expected


@given(catalogs, events)
@settings(max_examples=50, deadline=None)
def test_an_explanation_agrees_with_the_ledger(catalog: Catalog, rows: list[dict[str, Any]]) -> None:
    for row, entry in zip(rows, Attributor(catalog).resolve(usage(*rows)).to_pylist(), strict=True):
        hints = {**{name: value for name, value in row.items() if name not in ("time", "tags")}}
        hints |= {f"tags.{name}": value for name, value in row["tags"].items()}
        explanation = explain(catalog, hints, row["time"])
        assert explanation.rule_id == entry["rule_id"]
        assert {step.dimension: step.value for step in explanation.steps} == {name: entry[name] for name in ATTRIBUTION}


@given(catalogs, events)
@settings(max_examples=50, deadline=None)
def test_a_rule_id_names_each_dimension_at_most_once(catalog: Catalog, rows: list[dict[str, Any]]) -> None:
    for entry, row in zip(Attributor(catalog).resolve(usage(*rows)).to_pylist(), rows, strict=True):
        given_by = [name for part in parse_rule_id(entry["rule_id"]) for name in part.dimensions]
        assert len(given_by) == len(set(given_by))
        for name in ATTRIBUTION:
            if name not in given_by:
                assert entry[name] == (row[name] or UNALLOCATED)
