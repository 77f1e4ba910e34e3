"""What a budget's scope spent in periods that no row keeps any more, from a store's answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from outlay_schemas.budgets import Budget, Spent
from outlay_schemas.calendar import Calendar, Period
from outlay_streams.budgets.scopes import Scopes
from outlay_streams.budgets.sums import Gathered, exact_sums
from outlay_streams.budgets.totals import seconds

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""No event is older."""


def periods_before(calendar: Calendar, period: Period, count: int) -> list[Period]:
    """Return up to so many periods before `period`, the newest first."""
    found: list[Period] = []
    while len(found) < count and (earlier := calendar.previous(found[-1] if found else period)) is not None:
        if earlier.end <= _EARLIEST:
            break
        found.append(earlier)
    return found


def dimensions_of(budget: Budget) -> tuple[str, ...]:
    """Return the dimensions a store has to keep apart for this budget."""
    return Scopes([budget]).dimensions


def history(budget: Budget, periods: Sequence[Period], past: pa.Table) -> list[Spent]:
    """Return what `budget` spent in each of `periods`.

    `past` is the answer to a `Start` with the dimensions of the budget and the bounds of these periods as edges.
    """
    scopes = Scopes([budget])
    (family,) = scopes.families
    sums = Gathered(past, scopes.dimensions).by(family.dimensions)
    mine = np.array([len(found) > 0 for found in family.matching(sums.combinations)], np.bool_)
    spent = []
    for period in periods:
        within = mine & (sums.quarters >= seconds(period.start)) & (sums.quarters < seconds(period.end))
        rows = np.flatnonzero(within)
        (amount,) = exact_sums(sums.amounts[:, rows], np.zeros(len(rows), np.int64), 1).tolist()
        spent.append(Spent.of(period, amount, int(sums.entries[rows].sum()), int(sums.unpriced[rows].sum())))
    return spent
