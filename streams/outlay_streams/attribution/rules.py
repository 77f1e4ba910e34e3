"""A rule compiled: patterns over what the event says, and the values it gives."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import translate

from outlay_schemas.catalog import Rule
from outlay_schemas.dimensions import ATTRIBUTION
from outlay_streams.attribution.fields import Said, Template
from outlay_streams.attribution.timeline import Holding

WILD = re.compile(r"[*?\[]")
"""Finds what makes a value a glob."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One field's condition: any of the literals, or any of the globs (case counts). Missing text never matches."""

    literals: frozenset[str]
    globs: tuple[re.Pattern[str], ...]

    @classmethod
    def of(cls, condition: str | Iterable[str]) -> Pattern:
        """Read a value, a list of values, or globs; text with wildcards also matches itself."""
        values = [condition] if isinstance(condition, str) else list(condition)
        return cls(frozenset(values), tuple(re.compile(translate(value)) for value in values if WILD.search(value)))

    def matches(self, value: str | None) -> bool:
        """Return whether the condition holds for `value`."""
        if not value:
            return False
        return value in self.literals or (bool(self.globs) and any(glob.match(value) for glob in self.globs))


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """One rule ready to run."""

    holding: Holding[Rule]
    conditions: tuple[tuple[str, Pattern], ...]
    sets: Mapping[str, Template]
    fills: Mapping[str, Template]

    @classmethod
    def of(cls, rule: Rule) -> CompiledRule:
        """Compile `rule`; names that are no attribution dimension are left out (`catalog.check` reports them)."""
        return cls(
            holding=Holding.of(rule),
            conditions=tuple((field, Pattern.of(condition)) for field, condition in rule.match.items()),
            sets=_templates(rule.set),
            fills=_templates(rule.fill),
        )

    @property
    def id(self) -> str:
        """The rule's id."""
        return self.holding.document.id

    @property
    def templates(self) -> tuple[Template, ...]:
        """Every value it gives."""
        return (*self.sets.values(), *self.fills.values())

    def applies(self, said: Said, at: int) -> bool:
        """Return whether the rule holds at `at` and every condition matches."""
        for field, pattern in self.conditions:
            if not pattern.matches(said.get(field)):
                return False
        return self.holding.holds(at)


def _templates(values: Mapping[str, str]) -> dict[str, Template]:
    return {dimension: Template(values[dimension]) for dimension in ATTRIBUTION if dimension in values}
