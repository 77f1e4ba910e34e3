"""The books of one partition of cells, and what of them is still to be published and to be kept."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

import pyarrow as pa

from outlay_schemas.budgets import TEAM, encode_state, record_key
from outlay_streams.budgets import OrgBook, Start
from outlay_streams.catalog.rules import CatalogSnapshot
from outlay_streams.runtime.faust_budgets.keys import Keys
from outlay_streams.runtime.faust_budgets.ports import KeyedRows, Received
from outlay_streams.wire import Mark, decode_cells

CatalogOf = Callable[[str], CatalogSnapshot]
"""Returns the newest catalog known of an organisation."""

Records = Iterator[tuple[bytes, bytes | None]]
"""Key and value; a value of None takes away what is there."""

Names = dict[str, dict[str, None]]
"""Names of rows by organisation, in the order they changed."""


class Shelf:
    """Used in one thread."""

    def __init__(self, partition: int, rows: KeyedRows, keys: Keys, catalog_of: CatalogOf) -> None:
        """Put the books back together from the rows of the partition; all their states are to be published."""
        self.partition = partition
        self._keys = keys
        self.next = int(rows.get(keys.place(partition), b"0"))
        """The offset of the record to be read next."""
        self.books: dict[str, OrgBook] = {}
        self.waiting: list[Received] = []
        """Records that are in the books and not yet in the rows."""
        self.fresh = False
        """Whether there are rows that were never kept."""
        self._catalog_of = catalog_of
        self._at: dict[str, datetime] = {}
        self._unkept: Names = defaultdict(dict)
        self._unpublished: Names = defaultdict(dict)
        self._windows: Names = defaultdict(dict)
        for key, value in rows.items():
            if (found := keys.read(key)) is not None and found[0]:
                self._restore(*found, value)

    def book(self, org: str) -> OrgBook:
        """Return the book of an organisation, opened where there is none yet."""
        book = self.books.get(org)
        if book is None:
            found = self._catalog_of(org)
            zone = found.catalog.organisation.zone
            book = self.books[org] = OrgBook(org, found.catalog.budgets, zone=zone, version=found.version)
            self._changed(org, names := book.keys())
            self.fresh = self.fresh or bool(names)
        return book

    def receive(self, cells: Received) -> None:
        """Add the cells of one block. Raises `WireError` for a record that holds none.

        Those of an organisation that has moved, for there are more partitions now, are left to its new one.
        """
        if self._keys.placed(cells.org) == self.partition:
            mark = Mark.of(cells.headers)
            table = decode_cells(cells.value)
            changed = self.book(cells.org).apply(table, source=mark.source, offset=mark.block, at=cells.at)
            self._changed(cells.org, changed)
            self.tell_time(cells.org, cells.at)
        self.next = max(self.next, cells.offset + 1)
        self.waiting.append(cells)

    def replace(self, org: str) -> None:
        """Go on by the newest catalog of an organisation."""
        found, book = self._catalog_of(org), self.book(org)
        if book.version != found.version:
            zone = found.catalog.organisation.zone
            self._changed(org, book.replace(found.catalog.budgets, zone=zone, version=found.version))
            self.fresh = True

    def begin_anew(self, offset: int) -> None:
        """Forget every sum, for cells before `offset` are missing; the past comes from the store."""
        for org, book in list(self.books.items()):
            del self.books[org]
            self._changed(org, book.keys())
            self.book(org)
        self.next = offset

    def timeless(self) -> list[str]:
        """Return the organisations of which the stream has told no time yet."""
        return [org for org in self.books if org not in self._at]

    def tell_time(self, org: str, at: datetime) -> None:
        """Take it that the stream of an organisation has come to `at`, unless it came further."""
        self._at[org] = max(at, self._at.get(org, at))

    def starts(self) -> list[tuple[str, Start]]:
        """Return what the books need of the past: those that know what time it is."""
        return [(org, start) for org, at in self._at.items() for start in self.books[org].starting(at)]

    def begin(self, org: str, start: Start, past: pa.Table, marks: dict[str, int]) -> bool:
        """Add the past of rows; return whether it could be, else it is to be asked for again."""
        book = self.books.get(org)
        changed = None if book is None else book.begin(start, past, marks)
        self._changed(org, changed or ())
        return changed is not None

    def unpublished(self, *, windows: bool) -> Records:
        """Take the states that changed, those of teams only where `windows` is set."""
        names, self._unpublished = self._unpublished, defaultdict(dict)
        yield from self._states(names)
        if windows:
            names, self._windows = self._windows, defaultdict(dict)
            yield from self._states(names)

    def unkept(self) -> Records:
        """Take the rows that changed, None for those that are no more."""
        names, self._unkept, self.fresh = self._unkept, defaultdict(dict), False
        for org, changed in names.items():
            for name in changed:
                row = self.books[org].row(name)
                yield (
                    self._keys.row(org, name),
                    None if row is None else json.dumps(row, separators=(",", ":")).encode(),
                )

    def place(self) -> Records:
        """Return the row that says how far the partition was read."""
        yield self._keys.place(self.partition), str(self.next).encode()

    def take_waiting(self) -> list[Received]:
        """Take the records that are in the rows once those that changed are kept."""
        waiting, self.waiting = self.waiting, []
        return waiting

    @property
    def unchanged(self) -> bool:
        """Whether all of it is kept."""
        return not self.waiting and not any(self._unkept.values())

    def __len__(self) -> int:
        return sum(len(book.keys()) for book in self.books.values())

    def _restore(self, org: str, name: str, value: bytes) -> None:
        row = json.loads(value)
        restored = self.book(org).restore(name, row)
        self._changed(org, [name])
        if restored:
            del self._unkept[org][name]
        if isinstance(row["at"], str):
            self.tell_time(org, datetime.fromisoformat(row["at"]))

    def _changed(self, org: str, names: Iterable[str]) -> None:
        for name in names:
            self._unkept[org][name] = None
            (self._windows if name.startswith(TEAM) else self._unpublished)[org][name] = None

    def _states(self, names: Names) -> Records:
        for org, changed in names.items():
            for name in changed:
                state = self.books[org].state(name)
                yield record_key(org, name), None if state is None else encode_state(state)
