"""How budgets stand and what teams spent of late, as rows: from states, at an instant."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from outlay_schemas.arrow import AMOUNT
from outlay_schemas.budgets import BudgetState, Spent, TeamWindows
from outlay_schemas.money import from_pico, to_pico

MINUTES_SHOWN, HOURS_SHOWN = timedelta(hours=2), timedelta(hours=48)

_TIME = pa.timestamp("s", tz="UTC")
_SHARE = pa.decimal128(38, 2)
_HUNDREDTH = Decimal("0.01")

BUDGETS = pa.schema(
    [
        ("id", pa.string()),
        ("scope", pa.string()),
        ("cadence", pa.string()),
        ("zone", pa.string()),
        ("from", _TIME),
        ("to", _TIME),
        ("amount", AMOUNT),
        ("spent", AMOUNT),
        ("remaining", AMOUNT),
        ("percent", _SHARE),
        ("elapsed", _SHARE),
        ("pace", _SHARE),
        ("entries", pa.int64()),
        ("unpriced", pa.int64()),
        ("starting", pa.bool_()),
    ]
)
"""Budgets as a file: the scope is its JSON text, dimension to list of values."""

WINDOWS = pa.schema(
    [
        ("team", pa.string()),
        ("length", pa.string()),
        ("start", _TIME),
        ("amount", AMOUNT),
        ("entries", pa.int64()),
        ("unpriced", pa.int64()),
    ]
)
"""Windows as a file, a row a bucket; `length` is `minute` or `hour`."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a budget stands at an instant; without a period then, all that depends on one is None."""

    state: BudgetState
    spent: Spent | None
    now: datetime

    @classmethod
    def at(cls, state: BudgetState, now: datetime) -> Standing:
        """Look at `state` at `now`."""
        return cls(state, state.spent(now), now)

    @property
    def remaining(self) -> Decimal | None:
        """What is left of the amount; negative beyond it."""
        if self.spent is None:
            return None
        return from_pico(to_pico(self.state.budget.amount) - to_pico(self.spent.amount))

    @property
    def elapsed(self) -> Decimal | None:
        """The share of the period that is over, in percent, by real seconds."""
        if self.spent is None:
            return None
        period = self.spent.period
        over = Decimal((self.now - period.start) // _MICROSECOND)
        return 100 * over / Decimal((period.end - period.start) // _MICROSECOND)

    @property
    def pace(self) -> Decimal | None:
        """Percent spent over percent elapsed: 1 ends at the amount, 2 in half the time."""
        percent, elapsed = percent_of(self.spent, self.state), self.elapsed
        return percent / elapsed if percent is not None and elapsed else None

    def row(self) -> Row:
        """Return the standing as a row of the answer."""
        budget, spent = self.state.budget, self.spent
        return {
            "id": budget.id,
            "scope": {name: list(values) for name, values in budget.conditions().items()},
            "cadence": budget.cadence.value,
            "zone": self.state.zone,
            "from": spent and spent.start,
            "to": spent and spent.end,
            "amount": budget.amount,
            "spent": spent and spent.amount,
            "remaining": self.remaining,
            "percent": rounded(percent_of(spent, self.state)),
            "elapsed": rounded(self.elapsed),
            "pace": rounded(self.pace),
            "entries": spent and spent.entries,
            "unpriced": spent and spent.unpriced,
            "starting": self.state.starting,
        }


def budget_table(rows: Iterable[Row]) -> pa.Table:
    """Return rows of standings as a table."""
    flat = [{**row, "scope": json.dumps(row["scope"], ensure_ascii=False)} for row in rows]
    return pa.Table.from_pylist(flat, BUDGETS)


def past_row(spent: Spent, state: BudgetState) -> Row:
    """Return a closed period as a row of the answer."""
    return {
        "from": spent.start,
        "to": spent.end,
        "spent": spent.amount,
        "percent": rounded(percent_of(spent, state)),
        "entries": spent.entries,
        "unpriced": spent.unpriced,
    }


def percent_of(spent: Spent | None, state: BudgetState) -> Decimal | None:
    """Return what was spent in percent of the budget's amount; None of an amount of 0."""
    budgeted = state.budget.amount
    return 100 * spent.amount / budgeted if spent is not None and budgeted else None


def rounded(share: Decimal | None) -> Decimal | None:
    """Round a share to two decimals."""
    return None if share is None else share.quantize(_HUNDREDTH, ROUND_HALF_EVEN)


def windows_row(windows: TeamWindows, now: datetime) -> Row:
    """Return what a team spent before `now` as a row of the answer."""
    return {
        "team": windows.team,
        "minutes": list(_buckets(windows.minutes, now - MINUTES_SHOWN)),
        "hours": list(_buckets(windows.hours, now - HOURS_SHOWN)),
        "marks": marks_text(windows.marks),
        "at": windows.at,
    }


def windows_table(rows: Iterable[Row]) -> pa.Table:
    """Return rows of windows as a table, a row a bucket."""
    flat = [
        {"team": row["team"], "length": length, **bucket}
        for row in rows
        for length in ("minute", "hour")
        for bucket in row[f"{length}s"]
    ]
    return pa.Table.from_pylist(flat, WINDOWS)


def marks_text(marks: Mapping[str, int]) -> dict[str, str]:
    """Return marks as JSON that every reader keeps exact: offsets are above what a float holds."""
    return {source: str(offset) for source, offset in marks.items()}


def zone_of(state: BudgetState) -> ZoneInfo:
    """Return the zone of a budget's periods."""
    return ZoneInfo(state.zone)


def _buckets(buckets: Iterable[Spent], since: datetime) -> Iterator[Row]:
    for each in buckets:
        if each.end > since:
            yield {
                "start": each.start,
                "amount": each.amount,
                "entries": each.entries,
                "unpriced": each.unpriced,
            }


_MICROSECOND = timedelta(microseconds=1)
