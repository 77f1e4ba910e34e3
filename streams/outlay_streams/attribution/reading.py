"""Which columns a catalog really looks at, and which of their values it can tell apart.

Two values of a column that no id, literal, glob or template distinguishes lead to the same attribution, so one of them
stands for both. That keeps the combinations few even where a column has a million users.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from outlay_schemas.catalog import Catalog
from outlay_schemas.dimensions import ATTRIBUTION
from outlay_streams.attribution.fields import is_known, says_nothing
from outlay_streams.attribution.resolver import Resolver
from outlay_streams.attribution.rules import Pattern


class Classes:
    """Values of a column in classes that some literals and globs cannot tell apart.

    Remembers at most `limit` values, then starts anew; threads may share it.
    """

    __slots__ = ("_column", "_first", "_globs", "_known", "_limit", "_literals")

    def __init__(
        self, column: str, patterns: Collection[Pattern], ids: Collection[str] = (), *, limit: int = 65_536
    ) -> None:
        self._column = column
        self._literals = frozenset(ids).union(*(pattern.literals for pattern in patterns))
        self._globs = tuple({glob.pattern: glob for pattern in patterns for glob in pattern.globs}.values())
        self._limit = limit
        self._known: dict[str | None, str | None] = {None: None}
        self._first: dict[tuple[bool, ...], str] = {}

    def stand_ins(self, values: Iterable[str | None]) -> list[str | None]:
        """Return for each value the one that stands for it; None when it says nothing."""
        known = self._known
        return [known[value] if value in known else self._learn(value or "") for value in values]

    def _learn(self, value: str) -> str | None:
        if len(self._known) >= self._limit:
            self._known, self._first = {None: None}, {}
        found = self._known[value] = self._class_of(value)
        return found

    def _class_of(self, value: str) -> str | None:
        if says_nothing(self._column, value):
            return None
        if value in self._literals:
            return value
        return self._first.setdefault(tuple(glob.match(value) is not None for glob in self._globs), value)


@dataclass(frozen=True, slots=True)
class Reading:
    """How one column is looked at."""

    column: str
    decisive: Classes | None
    """Values that may differ in attribution; None when a template copies the value, so that every value counts."""
    matched: Classes | None
    """Values that rules tell apart; None when no rule matches on the column."""

    def stand_ins(self, values: Iterable[str]) -> list[str | None]:
        """Return for each value the one that stands for it; None when it says nothing."""
        if self.decisive:
            return self.decisive.stand_ins(values)
        return [None if says_nothing(self.column, value) else value for value in values]


def written(catalog: Catalog) -> tuple[str, ...]:
    """Return the dimensions that something other than the event may give."""
    names = set(catalog.organisation.defaults)
    for key in catalog.keys:
        names.update(key.set)
    for rule in catalog.rules:
        names.update(rule.set, rule.fill)
    if catalog.apps:
        names.update(("project", "team", "env"))
    if catalog.projects:
        names.update(("team", "use_case"))
    if catalog.teams:
        names.update(("department", "business_unit"))
    return tuple(name for name in ATTRIBUTION if name in names)


def readings(resolver: Resolver) -> tuple[Reading, ...]:
    """Return the columns that decide; of a dimension that may be given it matters at least whether the event has it."""
    looked_up = _looked_up(resolver.catalog)
    conditions: dict[str, list[Pattern]] = {}
    for rule in resolver.rules:
        for name, pattern in rule.conditions:
            conditions.setdefault(name, []).append(pattern)
    copied = {name for rule in resolver.rules for template in rule.templates for name in template.references}
    columns = dict.fromkeys([*looked_up, *conditions, *sorted(copied), *written(resolver.catalog)])
    return tuple(
        Reading(
            column=name,
            decisive=None if name in copied else Classes(name, conditions.get(name, ()), looked_up.get(name, ())),
            matched=Classes(name, conditions[name]) if name in conditions else None,
        )
        for name in columns
        if is_known(name)
    )


def _looked_up(catalog: Catalog) -> dict[str, set[str]]:
    ids = {
        "key": {key.id for key in catalog.keys},
        "app": {app.id for app in catalog.apps},
        "project": {project.id for project in catalog.projects},
        "team": {team.id for team in catalog.teams},
    }
    return {dimension: known for dimension, known in ids.items() if known}
