"""Budgets are checked against what the store says of them, forgotten months included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from outlay_api.clusterwide.budget_check import budget_differences
from outlay_infra.warehouse import Warehouse
from outlay_infra.warehouse.budget_past import past_at
from outlay_schemas.budgets import Budget, BudgetState
from outlay_streams.budgets import OrgBook
from tests.builders import NOON, block, entries


@dataclass
class Published:
    """What one book says."""

    book: OrgBook

    def orgs(self) -> list[str]:
        return ["acme"]

    def states(self, _org: str, /) -> Sequence[BudgetState]:
        return self.book.states()


def test_a_budget_begun_after_retention_is_whole_and_found_right(warehouse: Warehouse) -> None:
    for offset, (ago, amount) in enumerate([(100, "1000"), (60, "500"), (0, "7")]):
        at = NOON - timedelta(days=ago)
        rows = entries({"id": str(offset), "time": at, "received": at, "amount": amount})
        warehouse.insert_block(block(rows, partition="spend/0", offset=offset, received=at))
    assert warehouse.retention(NOON.date(), raw_days=30, rejects_days=None)
    budget = Budget.model_validate({"id": "year", "amount": "5000", "cadence": "year"})
    book = OrgBook("acme", [budget], zone=ZoneInfo("UTC"), version=1)
    for start in book.starting(NOON):
        past = past_at(warehouse, "acme", start.dimensions, start.edges, start.marks)
        assert past is not None
        book.begin(start, past.sums, past.marks)
    (state,) = book.states()
    spent = state.spent(NOON)
    assert spent is not None
    assert (spent.amount, spent.entries) == (Decimal(1507), 3)
    assert list(budget_differences(Published(book), warehouse, rows_topic="budget.rows")) == []
