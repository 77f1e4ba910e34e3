"""Whether budgets are what the ledger says: each published total against the store, at equal marks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from time import monotonic, sleep
from typing import Protocol
from zoneinfo import ZoneInfo

from outlay_infra.warehouse.budget_past import Past, past_at, stored_marks
from outlay_infra.warehouse.check import Difference
from outlay_infra.warehouse.database import Queries
from outlay_schemas.budgets import BudgetState, Spent
from outlay_streams.budgets import BudgetsUnknown, OrgBook, Start

_PATIENCE = 15.0
_PAUSE = 0.2
_NOTHING = (0, 0, 0)
_MEASURES = ("amount", "entries", "unpriced")


class Published(Protocol):
    """The newest state of every budget. May raise `BudgetsUnknown`."""

    def orgs(self) -> list[str]:
        """Return the organisations that have any."""
        ...

    def states(self, org: str, /) -> Sequence[BudgetState]:
        """Return those of one organisation."""
        ...


def budget_differences(published: Published, store: Queries, *, rows_topic: str) -> Iterator[Difference]:
    """Yield each period of each budget that is not what the store's entries add up to. Raises `StoreError`.

    Budgets whose past is still to be added are left out. Blocks that the loaders have not stored yet are waited for,
    and so are the states; raises `BudgetsUnknown` when they do not come.
    """
    mend = (
        f"stop the budgets workers, delete topic {rows_topic} and the folders `budgets` of their data, run "
        "outlay topics apply and start them: every sum is taken from the store again; and report it with their logs"
    )
    for org in _orgs(published):
        states = [state for state in published.states(org) if not state.starting and state.at is not None]
        if states:
            yield from _of_org(org, states, store, mend)


def _orgs(published: Published) -> list[str]:
    """Return the organisations that have budgets, once that is known."""
    deadline = monotonic() + _PATIENCE
    while True:
        try:
            return published.orgs()
        except BudgetsUnknown:
            if monotonic() > deadline:
                raise
            sleep(_PAUSE)


def _of_org(org: str, states: Sequence[BudgetState], store: Queries, mend: str) -> Iterator[Difference]:
    zone = next((state.zone for state in states if state.budget.zone is None), "UTC")
    book = OrgBook(org, [state.budget for state in states], zone=ZoneInfo(zone), version=0)
    marks = _highest(state.marks for state in states)
    for start in book.starting(max(state.at for state in states if state.at is not None)):
        past = _awaited(store, org, start, marks)
        if past is None:
            far = ", ".join(f"{source}@{block}" for source, block in sorted(marks.items()))
            yield Difference(
                table="budget.state",
                partition="",
                key={"org": org},
                measure="budgets compared",
                expected=len(states),
                found=0,
                mend=f"the store does not hold every block up to {far}; see that the loaders run, and check again",
            )
            return
        book.begin(start, past.sums, past.marks)
    expected = {state.budget.id: state for state in book.states()}
    for state in states:
        yield from _of_budget(state, expected[state.budget.id], mend)


def _of_budget(state: BudgetState, expected: BudgetState, mend: str) -> Iterator[Difference]:
    found, wanted = _by_period(state.periods), _by_period(expected.periods)
    for start, sums in wanted.items():
        for measure, right, told in zip(_MEASURES, sums, found.get(start, _NOTHING), strict=True):
            if right != told:
                yield Difference(
                    table="budget.state",
                    partition="",
                    key={"org": state.org, "budget": state.budget.id, "period": start.isoformat()},
                    measure=measure,
                    expected=right,
                    found=told,
                    mend=mend,
                )


def _by_period(periods: Iterable[Spent]) -> dict[datetime, tuple[Decimal | int, ...]]:
    return {spent.start: (spent.amount, spent.entries, spent.unpriced) for spent in periods}


def _highest(every: Iterable[Mapping[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for marks in every:
        for source, block in marks.items():
            found[source] = max(block, found.get(source, -1))
    return found


def _awaited(store: Queries, org: str, start: Start, marks: Mapping[str, int]) -> Past | None:
    """Return what blocks at or below `marks` hold, and of other sources nothing; None when it is not there in time."""
    deadline = monotonic() + _PATIENCE
    while True:
        limits = dict.fromkeys(stored_marks(store), -1) | dict(marks)
        past = past_at(store, org, start.dimensions, start.edges, limits)
        if past is not None or monotonic() > deadline:
            return past
        sleep(_PAUSE)
