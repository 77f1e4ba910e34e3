"""Budgets beside the one writer of a ledger: every block stored is added to its organisations' books.

It stands between the writer and the ledger, so that a book knows of each block, or knows that it does not. A book that
may have missed something is put together from the store anew; no fault of it ever reaches the writer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import structlog

from outlay_infra.warehouse.budget_past import received_minutes, whole_past
from outlay_infra.warehouse.database import Queries
from outlay_schemas.block import Block
from outlay_schemas.budgets import BudgetState, TeamWindows
from outlay_schemas.prices import PriceRecord
from outlay_streams.budgets import BudgetsUnknown, OrgBook
from outlay_streams.catalog.rules import CatalogSnapshot
from outlay_streams.runtime.ports import Clock, Ledger

WINDOWS_REACH = timedelta(days=2)
PATIENCE = 10.0
"""The longest a question waits for the block that is being stored, in seconds: a rebuild may hold that up for long."""

_log = structlog.get_logger()


def _busy() -> BudgetsUnknown:
    return BudgetsUnknown("the store is busy with a rebuild or with forgetting; ask again once a block could be stored")


def _whole() -> bool:
    """Nobody waits for an early answer, and the block is to be stored whole at once."""
    return False


class EmbeddedBudgets:
    """A ledger for the writer, and the books of what goes into it. Thread-safe."""

    def __init__(
        self, ledger: Ledger, store: Queries, *, clock: Clock, declared: Callable[[str], CatalogSnapshot]
    ) -> None:
        """Follow what goes into `ledger`, which `store` can be asked about.

        `declared` reads an organisation's newest catalog.
        """
        self._ledger = ledger
        self._store = store
        self._clock = clock
        self._declared = declared
        self._books: dict[str, OrgBook] = {}
        self._without: set[str] = set()
        self._unknown = False
        self._turn, self._using = threading.Lock(), threading.Lock()

    def states(self, org: str, /) -> list[BudgetState]:
        """Return the state of every budget; raise `BudgetsUnknown` or `StoreError` while that cannot be told."""
        with self._soon():
            return self._book(org).states()

    def windows(self, org: str, /) -> list[TeamWindows]:
        """Return every team's windows; raise as `states` does."""
        with self._soon():
            return self._book(org).windows()

    def declare(self, org: str) -> None:
        """Go on by the organisation's newest catalog."""
        with self._next_turn():
            self._without.discard(org)
            book = self._books.pop(org, None)
            if book is not None and not self._unknown:  # or else it is opened by that catalog when it is wanted
                snapshot = self._declared(org)
                organisation = snapshot.catalog.organisation
                book.replace(snapshot.catalog.budgets, zone=organisation.zone, version=snapshot.version)
                self._begin(book)
                self._books[org] = book

    def insert_block(self, block: Block, /, *, durable: Callable[[], bool] = _whole) -> bool:
        """Store a block as the ledger does, then add it to the books."""
        with self._next_turn():
            self._unknown = True
            left = self._ledger.insert_block(block, durable=durable)
            self._unknown = False
            self._follow(block)
            return left

    def complete_blocks(self) -> None:
        """Tell the ledger; the books have those blocks already."""
        with self._next_turn():
            self._ledger.complete_blocks()

    def finish_blocks(self, blocks: Sequence[Block], /) -> None:
        """Store what is missing of blocks; books are put together anew."""
        with self._next_turn():
            self._ledger.finish_blocks(blocks)
            self._forget()

    def recover(self, partition_prefix: str, /) -> list[str]:
        """Complete what a crash cut short; books are put together anew."""
        with self._next_turn():
            mended = self._ledger.recover(partition_prefix)
            self._forget()
            return mended

    def find_ids(self, id_hashes: pa.Array, /) -> pa.Table:
        """Ask the ledger."""
        return self._ledger.find_ids(id_hashes)

    def recent_ids(self, since: datetime, limit: int, /) -> Iterator[pa.Table]:
        """Ask the ledger."""
        return self._ledger.recent_ids(since, limit)

    def save_prices(self, records: Iterable[PriceRecord], /) -> None:
        """Tell the ledger."""
        self._ledger.save_prices(records)

    @contextmanager
    def _next_turn(self) -> Iterator[None]:
        with self._turn:  # whoever waits comes before the writer's next block
            self._using.acquire()
        try:
            yield
        finally:
            self._using.release()

    @contextmanager
    def _soon(self) -> Iterator[None]:
        """Do as `_next_turn`; raise `BudgetsUnknown` when that takes too long."""
        until = time.monotonic() + PATIENCE
        if not self._turn.acquire(timeout=PATIENCE):
            raise _busy()
        try:
            if not self._using.acquire(timeout=max(0.0, until - time.monotonic())):
                raise _busy()
        finally:
            self._turn.release()
        try:
            yield
        finally:
            self._using.release()

    def _forget(self) -> None:
        self._unknown = False
        self._books.clear()

    def _follow(self, block: Block) -> None:
        for org in pc.unique(block.cells["org"]).to_pylist():
            book = self._books.get(org)
            try:
                if book is not None:
                    self._apply(book, block)
                elif org not in self._without:
                    self._open_if_declared(org)
            except Exception:  # noqa: BLE001 - what fails here is no reason to stop counting
                _log.exception("budgets_lost", org=org, fix="they are put together from the store when next wanted")
                self._books.pop(org, None)

    def _open_if_declared(self, org: str) -> None:
        if self._declared(org).catalog.budgets:
            self._books[org] = self._opened(org)
        else:
            self._without.add(org)

    def _apply(self, book: OrgBook, block: Block) -> None:
        cells = block.cells.filter(pc.equal(block.cells["org"], book.org))
        received = block.entries["received"][0].as_py()
        book.apply(cells, source=block.partition, offset=block.offset, at=received)

    def _book(self, org: str) -> OrgBook:
        if self._unknown:
            raise BudgetsUnknown("a block waits for the store; ask again once it is stored")
        book = self._books.get(org)
        if book is None:
            book = self._books[org] = self._opened(org)
        return book

    def _opened(self, org: str) -> OrgBook:
        """Return the book as the store has it, while nothing is being stored nor left for later."""
        self._ledger.complete_blocks()
        snapshot = self._declared(org)
        zone = snapshot.catalog.organisation.zone
        book = OrgBook(org, snapshot.catalog.budgets, zone=zone, version=snapshot.version)
        received = received_minutes(self._store, org, self._clock.now() - WINDOWS_REACH)
        book.load_windows(received.sums, received.marks)
        self._begin(book)
        return book

    def _begin(self, book: OrgBook) -> None:
        self._ledger.complete_blocks()
        for start in book.starting(self._clock.now()):
            past = whole_past(self._store, book.org, start.dimensions, start.edges)
            book.begin(start, past.sums, past.marks)
