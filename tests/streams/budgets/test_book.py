"""A book says what its ledger says: after any blocks, repeats, restarts, late starts and edits of the catalog."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from outlay_schemas.budgets import Budget
from outlay_streams.budgets import OrgBook, Start
from tests.builders import NOON
from tests.streams.budgets.ledger import PlainLedger, Stored, assert_exact, assert_windows

BERLIN = ZoneInfo("Europe/Berlin")

amounts = st.one_of(
    st.none(),
    st.decimals(min_value=-(10**12), max_value=10**12, places=12),
    st.sampled_from([Decimal("0.000000000001"), Decimal(0), Decimal("18446744.073709551616")]),
)
rows = st.builds(
    lambda team, model, amount, ago: {"team": team, "model": model, "amount": amount, "ago": ago},
    st.sampled_from(["search", "ads", "unallocated"]),
    st.sampled_from(["gpt-5", "gpt-5-mini", "claude"]),
    amounts,
    st.one_of(st.integers(-600, 3 * 86_400), st.integers(0, 100 * 86_400)),
)
SCOPES: list[dict[str, Any]] = [
    {},
    {"team": "search"},
    {"team": ["search", "unallocated"]},
    {"model": "gpt-*"},
    {"team": "s*", "model": ["gpt-5", "claude"]},
    {"team": "nobody"},
]
CALENDARS: list[dict[str, Any]] = [
    {"cadence": "day"},
    {"cadence": "day", "zone": "Asia/Kathmandu"},
    {"cadence": "week", "starts": "sunday"},
    {"cadence": "month", "starts": "31"},
    {"cadence": "quarter", "starts": "02-15", "zone": "Asia/Kolkata"},
    {"cadence": "year", "starts": "05-05"},
    {"cadence": "once", "from": "2026-05-01T00:00:00Z", "to": "2026-05-05T12:15:00Z"},
    {"cadence": "day", "from": "2026-05-04T06:30:00Z"},
]
budgets = st.lists(
    st.builds(
        lambda number, scope, calendar, amount: Budget.model_validate(
            {"id": f"b{number}", "scope": scope, "amount": amount, **calendar}
        ),
        st.integers(0, 3),
        st.sampled_from(SCOPES),
        st.sampled_from(CALENDARS),
        st.integers(0, 3),
    ),
    max_size=4,
    unique_by=lambda budget: budget.id,
)


class Books(RuleBasedStateMachine):
    """A worker with a book, rows it wrote down at some point, and a stream it may have to read again from there."""

    @initialize(declared=budgets)
    def begin(self, declared: list[Budget]) -> None:
        self.ledger = PlainLedger()
        self.declared, self.version = declared, 1
        self.now = NOON
        self.kept: dict[str, str] = {}
        self.read = 0
        self.unwritten: set[str] = set()
        self.asked: tuple[Start, Any] | None = None
        self.book = self.fresh()

    def fresh(self) -> OrgBook:
        return OrgBook("acme", self.declared, zone=BERLIN, version=self.version)

    def apply(self, block: Stored) -> None:
        self.unwritten.update(self.book.apply(block.cells, source=block.source, offset=block.offset, at=block.at))

    @rule(
        source=st.sampled_from(["spend/0", "spend/1"]),
        some=st.lists(rows, min_size=1, max_size=4),
        passed=st.sampled_from([0, 7, 900, 7_200, 86_400, 40 * 86_400]),
        gap=st.integers(1, 3),
    )
    def a_block_comes(self, source: str, some: list[dict[str, Any]], passed: int, gap: int) -> None:
        self.now += timedelta(seconds=passed)
        stamped = [
            {
                "team": row["team"],
                "model": row["model"],
                "amount": row["amount"],
                "status": "unpriced" if row["amount"] is None else "priced",
                "time": self.now - timedelta(seconds=row["ago"]),
            }
            for row in some
        ]
        self.apply(self.ledger.add(source, self.now, stamped, gap=gap))

    @rule(back=st.integers(1, 5))
    def the_stream_is_read_again(self, back: int) -> None:
        for block in self.ledger.blocks[-back:]:
            self.apply(block)

    @rule(part=st.booleans())
    def rows_are_written_down(self, part: bool) -> None:
        """Some of them, before a crash; all of them, and then the stream is never read again from before."""
        written = sorted(self.unwritten)[: 2 if part else None]
        for key in written:
            row = self.book.row(key)
            if row is None:
                self.kept.pop(key, None)
            else:
                self.kept[key] = json.dumps(row)
        self.unwritten -= set(written)
        if not self.unwritten:
            self.read = len(self.ledger.blocks)

    @rule()
    def the_worker_dies_and_comes_back(self) -> None:
        self.book = self.fresh()
        self.unwritten = set()
        for key, row in list(self.kept.items()):
            if not self.book.restore(key, json.loads(row)):
                self.unwritten.add(key)
        for block in self.ledger.blocks[self.read :]:
            self.apply(block)

    @rule(declared=budgets)
    def the_catalog_changes(self, declared: list[Budget]) -> None:
        self.declared, self.version = declared, self.version + 1
        self.unwritten.update(self.book.replace(declared, zone=BERLIN, version=self.version))

    @rule()
    def the_store_is_asked(self) -> None:
        """And answers by what it holds now; the answer comes when it comes."""
        starts = self.book.starting(self.now)
        self.asked = (starts[0], self.ledger.answer(starts[0])) if starts else None

    @rule()
    def the_store_answers(self) -> None:
        if self.asked is not None:
            start, (past, marks) = self.asked
            self.asked = None
            self.unwritten.update(self.book.begin(start, past, marks) or ())

    @invariant()
    def what_has_begun_is_exact(self) -> None:
        for state in self.book.states():
            if not state.starting:
                assert_exact(self.ledger, state)

    @invariant()
    def windows_hold_what_was_received(self) -> None:
        for windows in self.book.windows():
            assert_windows(self.ledger, windows)

    def teardown(self) -> None:
        """Whatever happened, the store can complete it."""
        for start in self.book.starting(self.now):
            past, marks = self.ledger.answer(start)
            assert self.book.begin(start, past, marks) is not None
        assert self.book.starting(self.now) == []
        assert [state.budget for state in self.book.states()] == self.declared
        for state in self.book.states():
            assert not state.starting
            assert_exact(self.ledger, state)
            current = state.budget.calendar(BERLIN).period_of(self.now)
            assert state.spent(self.now) == (None if current is None else self.ledger.spent(state.budget, current))


Books.TestCase.settings = settings(
    max_examples=40, stateful_step_count=20, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)
TestBooks = Books.TestCase
