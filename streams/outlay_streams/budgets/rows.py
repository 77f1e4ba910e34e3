"""The rows of budgets: their open periods' sums, their marks, and what they still need. Columns over all budgets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from outlay_schemas.budgets import Budget, BudgetState, Spent, row_key
from outlay_schemas.calendar import Calendar, Period
from outlay_streams.budgets.scopes import Scopes
from outlay_streams.budgets.start import Origin, Start
from outlay_streams.budgets.sums import Gathered, Sums
from outlay_streams.budgets.totals import Group, edges, seconds

_Index = npt.NDArray[np.int64]


class BudgetRows:
    """Every budget of an org, by position; all that is added goes through the columns of its calendar's group."""

    def __init__(self, budgets: Sequence[Budget], zone: ZoneInfo) -> None:
        self.budgets = tuple(budgets)
        self.keys = [row_key(budget=budget.id) for budget in budgets]
        self.at: datetime | None = None
        self.scopes = Scopes(budgets)
        self._positions = {key: position for position, key in enumerate(self.keys)}
        self._definitions = [_definition(budget, budget.calendar(zone)) for budget in budgets]
        self._marks: dict[str, _Index] = {}
        self._origins: list[Origin | None] = [None] * len(budgets)
        self._groups: list[Group] = []
        self._group_of, self._place_of = np.zeros(len(budgets), np.int64), np.zeros(len(budgets), np.int64)
        members: dict[Calendar, list[int]] = {}
        for position, budget in enumerate(budgets):
            members.setdefault(budget.calendar(zone), []).append(position)
        for number, (calendar, positions) in enumerate(members.items()):
            self._groups.append(Group(calendar, positions))
            self._group_of[positions], self._place_of[positions] = number, np.arange(len(positions))

    def begin_at(self, marks: Mapping[str, int]) -> None:
        """Let every row begin behind the blocks at or below `marks`; what is before them is to be added."""
        origin = Origin(dict(marks))
        self._origins = [origin] * len(self.budgets)
        for source, mark in marks.items():
            self._marks_of(source)[:] = mark

    def advance(self, at: datetime) -> list[int]:
        """Move to the periods around `at`, never back; return the positions of budgets whose periods changed."""
        self.at = at if self.at is None else max(at, self.at)
        moved = [group.members for group in self._groups if group.advance(self.at)]
        return np.concatenate(moved).tolist() if moved else []

    def meet(self, source: str, offset: int) -> None:
        """Take it that blocks of `source` before `offset` are the past of the rows that have not seen the source."""
        for origin in {origin for origin in self._origins if origin is not None and source not in origin.marks}:
            origin.marks[source] = offset - 1
            rows = [position for position, other in enumerate(self._origins) if other is origin]
            self._marks_of(source)[rows] = offset - 1

    def add(self, cells: Gathered, source: str, offset: int) -> list[int]:
        """Add the cells of a block to the rows whose mark is below it; return the positions of rows that changed."""
        marks = self._marks_of(source)
        changed = self._add(cells, marks < offset)
        marks[changed] = offset
        return changed

    def begin(self, start: Start, past: Gathered, marks: Mapping[str, int]) -> list[int]:
        """Add the past of rows, and take over the marks of sources that the stream has not brought yet."""
        positions = [self._positions[key] for key in start.keys]
        wanted = np.zeros(len(self.budgets), np.bool_)
        wanted[positions] = True
        self._add(past, wanted)
        for source, mark in marks.items():
            column = self._marks_of(source)
            column[positions] = np.maximum(column[positions], mark)
        for position in positions:
            self._origins[position] = None
        return positions

    def starts(self) -> Iterator[Start]:
        """Yield what rows need, those of one origin together; needs `advance` before."""
        by_origin: dict[Origin, list[int]] = {}
        for position, origin in enumerate(self._origins):
            if origin is not None:
                by_origin.setdefault(origin, []).append(position)
        for origin, positions in by_origin.items():
            bounds = {edge for number in set(self._group_of[positions].tolist()) for edge in self._edges(number)}
            yield Start(
                keys=tuple(self.keys[position] for position in positions),
                dimensions=self.scopes.dimensions,
                edges=tuple(sorted(bounds)),
                marks=dict(origin.marks),
                origin=origin,
            )

    def waits_for(self, start: Start) -> bool:
        """Return whether the answer to `start` may be added: its rows still need it, as it was asked."""
        found = {self._origins[self._positions[key]] if key in self._positions else None for key in start.keys}
        return found == {start.origin} and start.origin.marks == start.marks

    def row(self, key: str) -> dict[str, Any] | None:
        """Return a row as JSON, amounts as text of pico-USD; None when there is no such budget."""
        position = self._positions.get(key)
        if position is None:
            return None
        origin = self._origins[position]
        return {
            "definition": self._definitions[position],
            "at": None if self.at is None else self.at.isoformat(),
            "since": None if origin is None else dict(origin.marks),
            "marks": self._row_marks(position),
            "periods": [
                [seconds(period.start), seconds(period.end), str(amount), entries, unpriced]
                for period, amount, entries, unpriced in self._spent(position)
                if entries
            ],
        }

    def restore(self, key: str, row: Mapping[str, Any]) -> bool:
        """Take a row back; return False when its budget is gone or has another definition by now."""
        position = self._positions.get(key)
        if position is None or row["definition"] != self._definitions[position]:
            return False
        if row["at"] is not None:
            self.advance(datetime.fromisoformat(row["at"]))
        for source, mark in row["marks"].items():
            self._marks_of(source)[position] = mark
        self._origins[position] = None if row["since"] is None else self._origin(row["since"])
        group, place = self._groups[self._group_of[position]], self._place_of[position]
        for start, end, amount, entries, unpriced in row["periods"]:
            period = Period(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC))
            if period in group.periods:
                total = group.total(group.periods.index(period))
                total.amounts[place], total.entries[place], total.unpriced[place] = int(amount), entries, unpriced
        return True

    def state(self, key: str, org: str, version: int) -> BudgetState | None:
        """Return a row as it is published; None when there is no such budget."""
        position = self._positions.get(key)
        if position is None:
            return None
        budget, group = self.budgets[position], self._groups[self._group_of[position]]
        return BudgetState.model_construct(
            org=org,
            budget=budget,
            zone=group.calendar.zone.key,
            version=version,
            periods=tuple(
                Spent.of(period, *sums)
                for period, *sums in self._spent(position)
                if sums[1] or (self.at is not None and period.start <= self.at)
            ),
            marks=self._row_marks(position),
            starting=self._origins[position] is not None,
            at=self.at,
        )

    def _add(self, cells: Gathered, wanted: npt.NDArray[np.bool_]) -> list[int]:
        changed = np.zeros(len(self.budgets), np.bool_)
        for family in self.scopes.families:
            sums = cells.by(family.dimensions)
            self._add_sums(sums, family.matching(sums.combinations), wanted, changed)
        return np.flatnonzero(changed).tolist()

    def _add_sums(
        self, sums: Sums, found: Sequence[_Index], wanted: npt.NDArray[np.bool_], changed: npt.NDArray[np.bool_]
    ) -> None:
        """Add each row of `sums` to those of the budgets `found` for it that are wanted, and note who changed."""
        rows = np.repeat(np.arange(len(found)), [len(positions) for positions in found])
        positions = np.concatenate(found) if found else np.zeros(0, np.int64)
        kept = wanted[positions]
        rows, positions = rows[kept], positions[kept]
        for group, mine in self._by_group(positions):
            for number, within in group.split(sums.quarters[rows[mine]]):
                chosen = mine[within]
                cells = rows[chosen]
                places = self._place_of[positions[chosen]]
                group.total(number).add(places, sums.amounts[:, cells], sums.entries[cells], sums.unpriced[cells])
                changed[positions[chosen]] = True

    def _by_group(self, positions: _Index) -> Iterator[tuple[Group, _Index]]:
        """Yield each group with the places in `positions` of its members."""
        groups = self._group_of[positions]
        order = np.argsort(groups, kind="stable")
        numbers, firsts = np.unique(groups[order], return_index=True)
        for number, mine in zip(numbers.tolist(), np.split(order, firsts[1:]), strict=False):
            yield self._groups[number], mine

    def _spent(self, position: int) -> Iterator[tuple[Period, int, int, int]]:
        """Yield the kept periods in order, with their sums: amount in pico-USD, entries, unpriced entries."""
        group, place = self._groups[self._group_of[position]], self._place_of[position]
        for period, total in zip(group.periods, group.totals, strict=True):
            if total is None:
                yield period, 0, 0, 0
            else:
                yield period, int(total.amounts[place]), int(total.entries[place]), int(total.unpriced[place])

    def _edges(self, number: int) -> Iterable[datetime]:
        return edges(self._groups[number].periods)

    def _marks_of(self, source: str) -> _Index:
        found = self._marks.get(source)
        if found is None:
            found = self._marks[source] = np.full(len(self.budgets), -1, np.int64)
        return found

    def _row_marks(self, position: int) -> dict[str, int]:
        return {source: int(marks[position]) for source, marks in self._marks.items() if marks[position] >= 0}

    def _origin(self, since: Mapping[str, int]) -> Origin:
        for origin in self._origins:
            if origin is not None and origin.marks == since:
                return origin
        return Origin(dict(since))


def _definition(budget: Budget, calendar: Calendar) -> dict[str, Any]:
    """Return what makes a budget's sums what they are, as JSON: with another one they start anew."""
    return {
        "scope": {name: sorted(values) for name, values in sorted(budget.conditions().items())},
        "calendar": [
            calendar.cadence.value,
            calendar.zone.key,
            calendar.weekday,
            calendar.month,
            calendar.day,
            None if calendar.begins is None else seconds(calendar.begins),
            None if calendar.ends is None else seconds(calendar.ends),
        ],
    }
