"""All budgets and team windows of one organisation, kept by its cells.

A row includes exactly the blocks at or below its own marks, so cells applied again change nothing. A new budget starts
where the stream is: what was before comes from a store, once, whenever the store can tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pyarrow as pa

from outlay_schemas.budgets import BUDGET, TEAM, Budget, BudgetState, TeamWindows, row_key
from outlay_schemas.money import to_pico
from outlay_streams.budgets.rows import BudgetRows
from outlay_streams.budgets.start import Start
from outlay_streams.budgets.sums import Gathered, exact_sums
from outlay_streams.budgets.totals import seconds
from outlay_streams.budgets.windows import HOURS_KEPT, Windows

Row = dict[str, Any]
"""A row as JSON: what a table or a file keeps under the row's key."""


class OrgBook:
    """The rows of one org. Not safe from several threads; reads no clock."""

    def __init__(self, org: str, budgets: Sequence[Budget], *, zone: ZoneInfo, version: int) -> None:
        """Start with rows that know nothing; `restore` those that are kept somewhere.

        `zone` is the org's reporting zone, `version` that of the catalog the budgets are of.
        """
        self.org = org
        self.version = version
        self._rows = BudgetRows(budgets, zone)
        self._rows.begin_at({})
        self._windows: dict[str, Windows] = {}
        self._marks: dict[str, int] = {}

    @property
    def marks(self) -> dict[str, int]:
        """Source partition to the newest block of it that some row includes."""
        return dict(self._marks)

    def keys(self) -> list[str]:
        """Return the keys of all rows there are."""
        return [*self._rows.keys, *(row_key(team=team) for team in self._windows)]

    def apply(self, cells: pa.Table, *, source: str, offset: int, at: datetime) -> list[str]:
        """Add the org's `CELLS` of a block and return the keys of rows and states that changed.

        `source` and `offset` are the block's, `at` when it was received. Blocks of one source come in their order; a
        repeat, in whole or from any block on, adds nothing.
        """
        moved = self._rows.advance(at)
        self._rows.meet(source, offset)
        gathered = Gathered(cells, self._rows.scopes.dimensions)
        changed = dict.fromkeys([*self._rows.add(gathered, source, offset), *moved])
        teams = [*self._add_to_windows(gathered, source, offset, seconds(at)), *self._forget_teams()]
        self._marks[source] = max(offset, self._marks.get(source, -1))
        return [*(self._rows.keys[position] for position in changed), *teams]

    def row(self, key: str) -> Row | None:
        """Return the row as JSON; None when there is none by that key, so that it can be removed where it is kept."""
        if key.startswith(BUDGET):
            return self._rows.row(key)
        windows = self._windows.get(key.removeprefix(TEAM))
        return None if windows is None else windows.row()

    def restore(self, key: str, row: Mapping[str, Any]) -> bool:
        """Take back what `row` returned; False when the budget is gone or defined otherwise: it starts anew."""
        for source, mark in row["marks"].items():
            self._marks[source] = max(mark, self._marks.get(source, -1))
        if key.startswith(BUDGET):
            return self._rows.restore(key, row)
        self._windows[key.removeprefix(TEAM)] = Windows.of(row)
        return True

    def state(self, key: str) -> BudgetState | TeamWindows | None:
        """Return the row as it is published; None when there is none by that key."""
        if key.startswith(BUDGET):
            return self._rows.state(key, self.org, self.version)
        team = key.removeprefix(TEAM)
        windows = self._windows.get(team)
        return None if windows is None else windows.state(self.org, team)

    def states(self) -> list[BudgetState]:
        """Return the state of every budget, in the order in which they were given."""
        found = (self._rows.state(key, self.org, self.version) for key in self._rows.keys)
        return [state for state in found if state is not None]

    def windows(self) -> list[TeamWindows]:
        """Return the windows of every team, by its name."""
        return [windows.state(self.org, team) for team, windows in sorted(self._windows.items())]

    def replace(self, budgets: Sequence[Budget], *, zone: ZoneInfo, version: int) -> list[str]:
        """Go on with the budgets of another catalog version; return the keys of rows and states that changed.

        Budgets with the same scope and periods keep their sums; others start anew, at the marks reached. The `row` of
        a budget that is gone is None.
        """
        old = self._rows
        rows = BudgetRows(budgets, zone)
        rows.begin_at(self._marks)
        if old.at is not None:
            rows.advance(old.at)
        for key in old.keys:
            if (row := old.row(key)) is not None:
                rows.restore(key, row)
        self._rows, self.version = rows, version
        return list(dict.fromkeys([*old.keys, *rows.keys]))

    def starting(self, at: datetime) -> list[Start]:
        """Return what rows need of the past at `at`, the time of the stream (or now, where none came yet)."""
        self._rows.advance(at)
        return list(self._rows.starts())

    def begin(self, start: Start, past: pa.Table, marks: Mapping[str, int] | None = None) -> list[str] | None:
        """Add the past that `start` asked for and return the keys of rows that changed.

        `marks` holds the highest block summed of each source that `start.marks` does not name. None when the stream
        brought a new source meanwhile, or the catalog changed: ask `starting` again.
        """
        if not self._rows.waits_for(start):
            return None
        positions = self._rows.begin(start, Gathered(past, start.dimensions), marks or {})
        return [self._rows.keys[position] for position in positions]

    def load_windows(self, past: pa.Table, marks: Mapping[str, int]) -> None:
        """Take teams' windows from a table that holds what was received in every block at or below `marks`.

        Columns: `minute` (of receipt), `team`, `amount` (of the known ones), `entries`, `unpriced`.
        """
        self._windows = {}
        frame = pl.DataFrame(pl.from_arrow(past)).sort("minute")
        for minute, team, amount, entries, unpriced in frame.select(
            pl.col("minute").dt.epoch("s"), "team", "amount", "entries", "unpriced"
        ).iter_rows():
            self._windows.setdefault(team, Windows()).add(minute, to_pico(amount), entries, unpriced)
        for windows in self._windows.values():
            windows.marks = dict(marks)
        for source, mark in marks.items():
            self._marks[source] = max(mark, self._marks.get(source, -1))

    def _forget_teams(self) -> Iterator[str]:
        """Drop the windows in which nothing is left within reach, and yield their keys: names of teams come and go."""
        reach = self._reach()
        for team in [team for team, windows in self._windows.items() if windows.at < reach]:
            del self._windows[team]
            yield row_key(team=team)

    def _reach(self) -> int:
        return 0 if self._rows.at is None else seconds(self._rows.at) - HOURS_KEPT

    def _add_to_windows(self, cells: Gathered, source: str, offset: int, at: int) -> Iterator[str]:
        sums = cells.by(("team",))
        numbers: dict[str, int] = {}
        index = np.array([numbers.setdefault(team, len(numbers)) for (team,) in sums.combinations], np.int64)
        amounts = exact_sums(sums.amounts, index, len(numbers)).tolist()
        entries, unpriced = (
            np.bincount(index, weights=counts, minlength=len(numbers)).astype(np.int64).tolist()
            for counts in (sums.entries, sums.unpriced)
        )
        for team, number in numbers.items():
            if team not in self._windows and at < self._reach():
                continue
            windows = self._windows.setdefault(team, Windows())
            if windows.marks.get(source, -1) < offset:
                windows.add(at, amounts[number], entries[number], unpriced[number])
                windows.marks[source] = offset
                yield row_key(team=team)
