"""A ledger of plain rows, summed one by one in `Decimal`: a second opinion on books, and the store they ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

import pyarrow as pa

from outlay_schemas.arrow import AMOUNT
from outlay_schemas.budgets import Budget, BudgetState, Spent, TeamWindows
from outlay_schemas.calendar import Period
from outlay_streams.budgets import Start
from outlay_streams.cells import cells
from tests.builders import entries

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Stored:
    """One block of the stream."""

    source: str
    offset: int
    at: datetime
    rows: tuple[Entry, ...]

    @property
    def cells(self) -> pa.Table:
        return cells(entries(*self.rows))


@dataclass
class PlainLedger:
    """Every block, in the order of the stream."""

    blocks: list[Stored] = field(default_factory=list)

    def add(self, source: str, at: datetime, rows: Sequence[Entry], *, gap: int = 1) -> Stored:
        last = max((block.offset for block in self.blocks if block.source == source), default=-1)
        block = Stored(source, last + gap, at, tuple(rows))
        self.blocks.append(block)
        return block

    def spent(self, budget: Budget, period: Period, marks: Mapping[str, int] | None = None) -> Spent:
        """Return what the budget spent in a period, by every block or those at or below `marks`."""
        found = [
            row
            for block in self.blocks
            if marks is None or block.offset <= marks.get(block.source, -1)
            for row in block.rows
            if counts(budget, row) and row["time"] in period
        ]
        return total(found, period.start, period.end)

    def answer(self, start: Start) -> tuple[pa.Table, dict[str, int]]:
        """Answer a start as a store does."""
        included = [block for block in self.blocks if block.offset <= start.marks.get(block.source, block.offset)]
        rows = [
            {
                "quarter": max(edge for edge in start.edges if edge <= row["time"]),
                **{name: _full(row)[name] for name in (*start.dimensions, "status")},
                "amount": row["amount"] or 0,
                "entries": 1,
            }
            for block in included
            for row in block.rows
            if start.edges and start.edges[0] <= row["time"] < start.edges[-1]
        ]
        marks: dict[str, int] = {}
        for block in included:
            if block.source not in start.marks:
                marks[block.source] = max(block.offset, marks.get(block.source, -1))
        fields = [("quarter", pa.timestamp("s", tz="UTC"))]
        fields += [(name, pa.string()) for name in (*start.dimensions, "status")]
        return pa.Table.from_pylist(rows, pa.schema([*fields, ("amount", AMOUNT), ("entries", pa.int64())])), marks

    def windows(self, team: str, length: timedelta, kept: timedelta) -> list[Spent]:
        """Return a team's buckets, those in reach of its newest."""
        mine = [
            (_floor(block.at, length), [row for row in block.rows if _full(row)["team"] == team])
            for block in self.blocks
        ]
        starts = sorted({start for start, rows in mine if rows})
        return [
            total([row for begun, rows in mine if begun == start for row in rows], start, start + length)
            for start in starts
            if start > starts[-1] - kept
        ]


def counts(budget: Budget, row: Entry) -> bool:
    """Return whether an entry counts toward a budget."""
    full = _full(row)
    return all(any(fnmatchcase(full[name], value) for value in values) for name, values in budget.conditions().items())


def total(rows: Iterable[Entry], start: datetime, end: datetime) -> Spent:
    """Sum entries."""
    listed = list(rows)
    amount = sum((row["amount"] for row in listed if row["amount"] is not None), Decimal(0))
    unpriced = sum(row["amount"] is None for row in listed)
    return Spent(start=start, end=end, amount=amount, entries=len(listed), unpriced=unpriced)


def assert_exact(ledger: PlainLedger, state: BudgetState) -> None:
    """Assert that a state says what every block says, and what the blocks at its marks say."""
    for spent in state.periods:
        assert spent == ledger.spent(state.budget, spent.period)
        assert spent == ledger.spent(state.budget, spent.period, state.marks)


def assert_windows(ledger: PlainLedger, windows: TeamWindows) -> None:
    """Assert that a team's windows hold what was received."""
    assert list(windows.minutes) == ledger.windows(windows.team, timedelta(minutes=1), timedelta(hours=2))
    assert list(windows.hours) == ledger.windows(windows.team, timedelta(hours=1), timedelta(hours=48))


def _full(row: Entry) -> Mapping[str, Any]:
    return {"team": "unallocated", "model": "gpt-5-mini", "status": "priced", **row}


def _floor(instant: datetime, length: timedelta) -> datetime:
    return instant - (instant - datetime(1970, 1, 1, tzinfo=UTC)) % length
