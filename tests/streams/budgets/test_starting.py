"""A budget's past is added once, whole, and never twice, whatever the stream brings while the store is asked."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from outlay_schemas.budgets import Budget
from outlay_streams.budgets import OrgBook
from tests.builders import NOON
from tests.streams.budgets.ledger import PlainLedger, Stored

UTC = ZoneInfo("UTC")


def budget(**changed: Any) -> Budget:
    return Budget.model_validate({"id": "b", "amount": 10, **changed})


def book(*budgets: Budget) -> OrgBook:
    return OrgBook("acme", budgets or (budget(),), zone=UTC, version=1)


def block(ledger: PlainLedger, amount: int, source: str = "spend/0", **row: Any) -> Stored:
    return ledger.add(source, NOON, [{"time": NOON, "team": "search", "amount": Decimal(amount), **row}])


def apply(books: OrgBook, stored: Stored) -> list[str]:
    return books.apply(stored.cells, source=stored.source, offset=stored.offset, at=stored.at)


def spent(books: OrgBook) -> Decimal:
    (state,) = books.states()
    found = state.spent(NOON)
    assert found is not None
    return found.amount


def test_the_stream_goes_on_while_the_store_is_asked() -> None:
    ledger, books = PlainLedger(), book()
    block(ledger, 1)
    apply(books, block(ledger, 2))
    (start,) = books.starting(NOON)
    assert start.marks == {"spend/0": 0}
    apply(books, block(ledger, 4))
    past, marks = ledger.answer(start)
    assert books.begin(start, past, marks) == ["budget:b"]
    assert spent(books) == 7
    assert books.begin(start, past, marks) is None


def test_an_answer_is_refused_once_a_source_came_that_it_summed_whole() -> None:
    ledger, books = PlainLedger(), book()
    late = block(ledger, 1)
    (start,) = books.starting(NOON)
    answer = ledger.answer(start)
    apply(books, late)
    assert books.begin(start, *answer) is None
    (start,) = books.starting(NOON)
    assert books.begin(start, *ledger.answer(start)) == ["budget:b"]
    assert spent(books) == 1


def test_blocks_that_the_store_held_before_the_stream_brought_them_count_once() -> None:
    ledger, books = PlainLedger(), book()
    first, second = block(ledger, 1), block(ledger, 2)
    (start,) = books.starting(NOON)
    assert books.begin(start, *ledger.answer(start)) == ["budget:b"]
    assert apply(books, first) == ["team:search"]
    assert apply(books, second) == ["team:search"]
    assert spent(books) == 3
    assert apply(books, block(ledger, 4)) == ["budget:b", "team:search"]
    assert spent(books) == 7


def test_an_answer_is_refused_once_the_catalog_changed() -> None:
    ledger, books = PlainLedger(), book()
    block(ledger, 1)
    (start,) = books.starting(NOON)
    answer = ledger.answer(start)
    books.replace([budget(scope={"team": "ads"})], zone=UTC, version=2)
    assert books.begin(start, *answer) is None


def test_an_edit_that_moves_no_sum_keeps_them_and_one_that_does_starts_anew() -> None:
    ledger, books = PlainLedger(), book()
    apply(books, block(ledger, 5))
    (start,) = books.starting(NOON)
    books.begin(start, *ledger.answer(start))
    books.replace([budget(amount=20)], zone=UTC, version=2)
    (state,) = books.states()
    assert (state.version, state.budget.amount, state.starting, spent(books)) == (2, 20, False, 5)
    for moved in ({"scope": {"team": "search"}}, {"cadence": "day"}, {"zone": "Asia/Tokyo"}):
        books.replace([budget(**moved)], zone=UTC, version=3)
        (start,) = books.starting(NOON)
        assert (start.keys, start.marks) == (("budget:b",), {"spend/0": 0})


def test_a_budget_that_is_gone_has_no_row_and_a_kept_row_of_it_is_not_taken_back() -> None:
    books = book()
    row = books.row("budget:b")
    assert row is not None
    assert books.replace([], zone=UTC, version=2) == ["budget:b"]
    assert books.row("budget:b") is books.state("budget:b") is None
    assert books.restore("budget:b", row) is False


def test_a_new_period_is_told_though_nothing_was_spent_in_it() -> None:
    ledger, books = PlainLedger(), book(budget(cadence="day", scope={"team": "search"}))
    apply(books, block(ledger, 5))
    tomorrow = ledger.add("spend/0", NOON + timedelta(days=1), [{"time": NOON, "team": "ads", "amount": Decimal(1)}])
    assert apply(books, tomorrow) == ["budget:b", "team:ads"]
    (state,) = books.states()
    assert [each.amount for each in state.periods] == [0, 5, 0]
