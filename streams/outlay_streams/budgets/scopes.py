"""Which budgets a combination of dimensions counts toward, found through an index and remembered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from outlay_schemas.budgets import SCOPED, Budget
from outlay_streams.attribution.rules import Pattern

Indices = npt.NDArray[np.int64]

_REMEMBERED = 65_536
_TELLING = ("app", "project", "team", "department", "business_unit", "model", *SCOPED)
"""Dimensions by how few budgets share a value of them, the telling ones first."""


class Scopes:
    """The scopes of budgets, by their position. `matching` is given the values of `dimensions`, in their order."""

    def __init__(self, budgets: Sequence[Budget]) -> None:
        scopes = [budget.conditions() for budget in budgets]
        named = {name for scope in scopes for name in scope} | {"team"}
        self.dimensions = tuple(name for name in SCOPED if name in named)
        places = {name: place for place, name in enumerate(self.dimensions)}
        self._patterns = [[(places[name], Pattern.of(values)) for name, values in scope.items()] for scope in scopes]
        self._indexed, self._others = _index(scopes, self.dimensions)
        self._known: dict[tuple[str, ...], Indices] = {}

    def matching(self, combinations: Iterable[tuple[str, ...]]) -> list[Indices]:
        """Return for each combination the positions of the budgets it counts toward, in order."""
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


def _index(
    scopes: Sequence[Mapping[str, tuple[str, ...]]], dimensions: Sequence[str]
) -> tuple[list[Mapping[str, list[int]]], list[int]]:
    """Return the budgets by a value of one dimension that they name without a glob, and those that name none."""
    by_dimension: dict[str, defaultdict[str, list[int]]] = {name: defaultdict(list) for name in dimensions}
    others = []
    for position, scope in enumerate(scopes):
        plain = [name for name in _TELLING if name in scope and not Pattern.of(scope[name]).globs]
        if plain:
            for value in dict.fromkeys(scope[plain[0]]):
                by_dimension[plain[0]][value].append(position)
        else:
            others.append(position)
    return [dict(by_dimension[name]) for name in dimensions], others
