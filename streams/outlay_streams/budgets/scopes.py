"""Which budgets a combination of dimensions counts toward, found through an index and remembered.

Budgets that name the same dimensions are a family: cells are summed by its dimensions alone, so the combinations are
few however many dimensions all budgets name together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from outlay_schemas.budgets import SCOPED, Budget
from outlay_streams.attribution.rules import Pattern

Indices = npt.NDArray[np.int64]
Scope = Mapping[str, tuple[str, ...]]

MOST_FAMILIES = 12
"""Each costs a pass over the cells; the smallest ones beyond are taken together."""

_REMEMBERED = 65_536
_TELLING = ("app", "project", "team", "department", "business_unit", "model", *SCOPED)
"""Dimensions by how few budgets share a value of them, the telling ones first."""


class Family:
    """Budgets, by their position among all, that are told apart by `dimensions`."""

    def __init__(self, dimensions: Sequence[str], scopes: Mapping[int, Scope]) -> None:
        self.dimensions = tuple(dimensions)
        places = {name: place for place, name in enumerate(self.dimensions)}
        self._patterns = {
            position: [(places[name], Pattern.of(values)) for name, values in scope.items()]
            for position, scope in scopes.items()
        }
        self._indexed, self._others = _index(scopes, self.dimensions)
        self._known: dict[tuple[str, ...], Indices] = {}

    def matching(self, combinations: Iterable[tuple[str, ...]]) -> list[Indices]:
        """Return for each combination of values the positions of the budgets it counts toward, in order."""
        known = self._known
        return [
            found if (found := known.get(combination)) is not None else self._learn(combination)
            for combination in combinations
        ]

    def _learn(self, combination: tuple[str, ...]) -> Indices:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        candidates = [*self._others]
        for by_value, value in zip(self._indexed, combination, strict=True):
            candidates += by_value.get(value, ())
        found = [
            candidate
            for candidate in candidates
            if all(pattern.matches(combination[place]) for place, pattern in self._patterns[candidate])
        ]
        result = self._known[combination] = np.array(sorted(found), np.int64)
        return result


class Scopes:
    """The scopes of budgets: their families, and every dimension that any of them, or a team's windows, look at."""

    def __init__(self, budgets: Sequence[Budget]) -> None:
        by_names: defaultdict[tuple[str, ...], dict[int, Scope]] = defaultdict(dict)
        for position, budget in enumerate(budgets):
            scope = budget.conditions()
            by_names[_ordered(scope)][position] = scope
        largest = sorted(by_names.items(), key=lambda item: -len(item[1]))
        self.families = [Family(names, scopes) for names, scopes in largest[:MOST_FAMILIES]]
        if rest := largest[MOST_FAMILIES:]:
            names = _ordered(chain.from_iterable(names for names, _ in rest))
            scopes = {position: scope for _, some in rest for position, scope in some.items()}
            self.families.append(Family(names, scopes))
        self.dimensions = _ordered(("team", *chain.from_iterable(by_names)))


def _ordered(names: Iterable[str]) -> tuple[str, ...]:
    known = set(names)
    return tuple(name for name in SCOPED if name in known)


def _index(scopes: Mapping[int, Scope], dimensions: Sequence[str]) -> tuple[list[Mapping[str, list[int]]], list[int]]:
    """Return the budgets by a value of one dimension that they name without a glob, and those that name none."""
    by_dimension: dict[str, defaultdict[str, list[int]]] = {name: defaultdict(list) for name in dimensions}
    others = []
    for position, scope in scopes.items():
        plain = [name for name in _TELLING if name in scope and not Pattern.of(scope[name]).globs]
        if plain:
            for value in dict.fromkeys(scope[plain[0]]):
                by_dimension[plain[0]][value].append(position)
        else:
            others.append(position)
    return [dict(by_dimension[name]) for name in dimensions], others
