"""What one event resolves to: the order of precedence of attribution, one combination at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from outlay_schemas.catalog import Catalog
from outlay_schemas.dimensions import ATTRIBUTION
from outlay_streams.attribution.fields import Said
from outlay_streams.attribution.rule_id import Giver, Part, format_rule_id
from outlay_streams.attribution.rules import CompiledRule
from outlay_streams.attribution.timeline import Register

_NARROWEST_FIRST = ("app", "project", "team", "department", "business_unit")
DEFAULT_ORDER = (*_NARROWEST_FIRST, *(dimension for dimension in ATTRIBUTION if dimension not in _NARROWEST_FIRST))

_PRECEDENCE: Mapping[Giver, int] = {"key": 0, "rule": 1, "tree": 2, "default": 3}


@dataclass(frozen=True, slots=True)
class Given:
    """A dimension's value and who gave it, when it was not the event. `id` is empty for `tree` and `default`."""

    value: str
    by: Giver
    id: str = ""


class Resolver:
    """A catalog ready to answer for single events."""

    __slots__ = ("_rank", "apps", "catalog", "defaults", "keys", "projects", "rules", "teams")

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.keys = Register(catalog.keys)
        self.rules = tuple(CompiledRule.of(rule) for rule in catalog.rules)
        self._rank = {rule.id: position for position, rule in reversed(list(enumerate(self.rules)))}
        self.apps = Register(catalog.apps)
        self.projects = Register(catalog.projects)
        self.teams = Register(catalog.teams)
        self.defaults = {
            name: catalog.organisation.defaults[name] for name in DEFAULT_ORDER if name in catalog.organisation.defaults
        }

    def applying(self, said: Said, at: int) -> tuple[CompiledRule, ...]:
        """Return the rules that match at `at` (ms since 1970), in order."""
        return tuple(rule for rule in self.rules if rule.applies(said, at))

    def resolve(self, said: Said, at: int, applying: Sequence[CompiledRule]) -> dict[str, Given]:
        """Return every dimension that the event does not decide itself and something gives, at `at`."""
        draft = _Draft(said)
        self._consult_key(draft, at)
        self._run_rules(draft, applying)
        self._climb(draft, at)
        for dimension, value in self.defaults.items():
            if draft.fill(dimension, Given(value, "default")):
                self._climb(draft, at)
        return draft.given

    def _consult_key(self, draft: _Draft, at: int) -> None:
        key = self.keys.get(draft.said.get("key"), at)
        for dimension in ATTRIBUTION if key else ():
            if key and dimension in key.set:
                draft.fill(dimension, Given(key.set[dimension], "key", key.id))

    def rule_id(self, given: Mapping[str, Given]) -> str:
        """Write who gave what, in order of precedence."""
        parts: dict[tuple[Giver, str], list[str]] = {}
        for dimension in ATTRIBUTION:
            if dimension in given:
                parts.setdefault((given[dimension].by, given[dimension].id), []).append(dimension)
        ordered = sorted(parts, key=lambda giver: (_PRECEDENCE[giver[0]], self._rank.get(giver[1], 0)))
        return format_rule_id(Part(by, giver_id, tuple(parts[by, giver_id])) for by, giver_id in ordered)

    def _run_rules(self, draft: _Draft, applying: Sequence[CompiledRule]) -> None:
        for rule in applying:
            for dimension, template in rule.sets.items():
                draft.override(dimension, template.render(draft.said), rule.id)
        for rule in applying:
            for dimension, template in rule.fills.items():
                value = template.render(draft.said)
                if value:
                    draft.fill(dimension, Given(value, "rule", rule.id))

    def _climb(self, draft: _Draft, at: int) -> None:
        app = self.apps.get(draft.value("app"), at)
        if app:
            draft.climb("project", app.project)
            draft.climb("env", app.env)
        project = self.projects.get(draft.value("project"), at)
        if project:
            draft.climb("team", project.team)
            draft.climb("use_case", project.use_case)
        if app:
            draft.climb("team", app.team)
        team = self.teams.get(draft.value("team"), at)
        if team:
            draft.climb("department", team.department)
            draft.climb("business_unit", team.business_unit)


class _Draft:
    """An attribution in the making."""

    __slots__ = ("given", "said")

    def __init__(self, said: Said) -> None:
        self.said = said
        self.given: dict[str, Given] = {}

    def value(self, dimension: str) -> str | None:
        given = self.given.get(dimension)
        return given.value if given else self.said.get(dimension)

    def fill(self, dimension: str, given: Given) -> bool:
        if self.value(dimension):
            return False
        self.given[dimension] = given
        return True

    def override(self, dimension: str, value: str | None, rule_id: str) -> None:
        earlier = self.given.get(dimension)
        if value and not (earlier and earlier.by == "rule"):
            self.given[dimension] = Given(value, "rule", rule_id)

    def climb(self, dimension: str, value: str | None) -> None:
        if value:
            self.fill(dimension, Given(value, "tree"))
