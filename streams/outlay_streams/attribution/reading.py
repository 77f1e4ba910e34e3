"""Which columns a catalog really looks at, and which of their values it can tell apart.

Two values of a column that no id, literal, glob or template distinguishes lead to the same attribution, so one of them
stands for both. That keeps the combinations few even where a column has a million users.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

from outlay_schemas.catalog import Catalog
from outlay_schemas.dimensions import ATTRIBUTION
from outlay_streams.attribution.fields import is_known, says_nothing
from outlay_streams.attribution.resolver import Resolver


@dataclass(slots=True)
class Reading:
    """How one column is looked at. Remembers at most `limit` values, then starts anew."""

    column: str
    literals: set[str] = field(default_factory=set)
    globs: dict[str, re.Pattern[str]] = field(default_factory=dict)
    verbatim: bool = False
    """Whether a template copies the value, so that every value counts."""
    limit: int = 65_536
    _known: dict[str, str | None] = field(default_factory=dict)
    _first: dict[tuple[bool, ...], str] = field(default_factory=dict)

    def stand_in(self, value: str) -> str | None:
        """Return the value that stands for `value`; None when it says nothing."""
        if value not in self._known:
            if len(self._known) >= self.limit:
                self._known.clear()
                self._first.clear()
            self._known[value] = self._class_of(value)
        return self._known[value]

    def _class_of(self, value: str) -> str | None:
        if says_nothing(self.column, value):
            return None
        if self.verbatim or value in self.literals:
            return value
        return self._first.setdefault(tuple(glob.match(value) is not None for glob in self.globs.values()), value)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a catalog looks at and the dimensions it may give."""

    readings: tuple[Reading, ...]
    written: tuple[str, ...]


def scope_of(resolver: Resolver) -> Scope:
    """Return the columns `resolver` depends on and the dimensions it may give.

    A dimension it may give is read as well: it matters whether the event has it.
    """
    read: defaultdict[str, Reading] = defaultdict(lambda: Reading(""))
    written = _written(resolver.catalog)
    for name, ids in _looked_up(resolver.catalog).items():
        if ids:
            read[name].literals.update(ids)
    for rule in resolver.rules:
        for name, pattern in rule.conditions:
            read[name].literals.update(pattern.literals)
            read[name].globs.update({glob.pattern: glob for glob in pattern.globs})
        for template in rule.templates:
            for name in template.references:
                read[name].verbatim = True
    for name in written:
        _ = read[name]
    for name, reading in read.items():
        reading.column = name
    return Scope(
        readings=tuple(reading for name, reading in read.items() if is_known(name)),
        written=tuple(name for name in ATTRIBUTION if name in written),
    )


def _looked_up(catalog: Catalog) -> dict[str, set[str]]:
    return {
        "key": {key.id for key in catalog.keys},
        "app": {app.id for app in catalog.apps},
        "project": {project.id for project in catalog.projects},
        "team": {team.id for team in catalog.teams},
    }


def _written(catalog: Catalog) -> set[str]:
    written = set(catalog.organisation.defaults)
    for key in catalog.keys:
        written.update(key.set)
    for rule in catalog.rules:
        written.update(rule.set, rule.fill)
    if catalog.apps:
        written.update(("project", "team", "env"))
    if catalog.projects:
        written.update(("team", "use_case"))
    if catalog.teams:
        written.update(("department", "business_unit"))
    return written & set(ATTRIBUTION)
