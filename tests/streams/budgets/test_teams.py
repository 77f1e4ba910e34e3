"""Names of teams come and go: windows in which nothing is left are no more, and a replay does not bring them back."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from outlay_streams.budgets import OrgBook
from tests.builders import NOON
from tests.streams.budgets.ledger import PlainLedger, Stored

LATER = NOON + timedelta(hours=49)


def block(ledger: PlainLedger, team: str, at: datetime) -> Stored:
    return ledger.add("spend/0", at, [{"time": at, "team": team, "amount": None, "status": "unpriced"}])


def apply(book: OrgBook, stored: Stored) -> list[str]:
    return book.apply(stored.cells, source=stored.source, offset=stored.offset, at=stored.at)


def test_a_team_that_fell_silent_for_two_days_leaves() -> None:
    ledger, book = PlainLedger(), OrgBook("acme", [], zone=ZoneInfo("UTC"), version=1)
    early = block(ledger, "crawler", NOON)
    assert apply(book, early) == ["team:crawler"]
    assert apply(book, block(ledger, "search", LATER)) == ["team:search", "team:crawler"]
    assert book.row("team:crawler") is None
    assert book.state("team:crawler") is None

    assert apply(book, early) == []
    assert [windows.team for windows in book.windows()] == ["search"]

    assert apply(book, block(ledger, "crawler", LATER)) == ["team:crawler"]
