"""Consecutive records of one partition, stored together: those the store has are passed over, the rest inserted.

Everything here may be repeated at any time, by any process: the store is asked what it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from outlay_infra.errors import QueryError, QueryLimit
from outlay_schemas.block import Block
from outlay_streams.runtime.loader.errors import BlockRefused
from outlay_streams.runtime.loader.ports import Store
from outlay_streams.runtime.loader.sources import Record, Source
from outlay_streams.wire import WireError

_OTHER = (
    "the store holds another block under this offset; the topic was made anew, or another deployment writes to this "
    "database: use another kafka.prefix and another database"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Records to store together. `ask` says whether the store may hold some of them."""

    source: Source
    records: Sequence[Record]
    ask: bool

    @property
    def end(self) -> int:
        """The offset to go on from."""
        return self.records[-1].offset() + 1

    def store(self, store: Store) -> Stored:
        """Store what is missing. Raises `StoreError`, to be tried again, and `BlockRefused`, which a retry repeats."""
        there = self._there(store) if self.ask else {}
        blocks = []
        for record in self.records:
            try:
                if record.offset() in there:
                    self._compare(record, there[record.offset()])
                    continue
                found = self.source.block(record)
            except WireError as error:
                raise self._refused(record.offset(), str(error)) from error
            if found is not None:
                blocks.append(found.block)
                if found.prices.num_rows:
                    store.keep_prices(found.prices)
        self._load(store, blocks)
        entries = sum(block.entries.num_rows for block in blocks)
        return Stored(blocks=len(blocks), skipped=len(there), entries=entries)

    def _there(self, store: Store) -> dict[int, list[dict[str, object]]]:
        found: dict[int, list[dict[str, object]]] = {}
        offsets = {record.offset() for record in self.records}
        for row in store.receipts(self.source.name, self.records[0].offset(), self.records[-1].offset()).to_pylist():
            if row["block"] in offsets:
                found.setdefault(row["block"], []).append(row)
        return found

    def _compare(self, record: Record, there: list[dict[str, object]]) -> None:
        if sorted(map(repr, self.source.receipts(record).to_pylist())) != sorted(map(repr, there)):
            raise self._refused(record.offset(), _OTHER)

    def _load(self, store: Store, blocks: Sequence[Block]) -> None:
        """Load all at once; where the store refuses something, one by one, so that the culprit is known."""
        if not blocks:
            return
        try:
            store.load(blocks)
        except QueryLimit:
            raise
        except QueryError as error:
            if len(blocks) == 1:
                raise self._refused(blocks[0].offset, str(error)) from error
            for block in blocks:
                self._load(store, [block])

    def _refused(self, offset: int, reason: str) -> BlockRefused:
        return BlockRefused(self.source.place, offset, reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What became of a unit."""

    blocks: int
    skipped: int
    entries: int
