"""What the runtimes need of the world outside, as Protocols; `outlay_infra` and tests provide them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from outlay_schemas.block import Block
from outlay_schemas.prices import PriceRecord
from outlay_streams.meter import Book, Rules


class Clock(Protocol):
    """The time. Tests use a manual one; no stage of the core reads it."""

    def now(self) -> datetime:
        """Return the current instant, aware UTC."""
        ...


class Ledger(Protocol):
    """Where blocks are kept. Methods raise `StoreError` (outlay_infra.errors) when the store is away or full."""

    def insert_block(self, block: Block, /, *, durable: Callable[[], bool] = ...) -> bool:
        """Store a block whose offset no other ever had, everywhere and durably.

        `durable` may be called before the end, once nothing can undo the block any more: its callers can be answered.
        If it returns True, the rest may be left to be stored with the next block, or by `complete_blocks`; returns
        whether it was.
        """
        ...

    def complete_blocks(self) -> None:
        """Store what `insert_block` left for later."""
        ...

    def finish_blocks(self, blocks: Sequence[Block], /) -> None:
        """Store what is missing of consecutive blocks that were not confirmed, whatever became of earlier tries."""
        ...

    def recover(self, partition_prefix: str, /) -> list[str]:
        """Complete blocks that a crash left half stored; return a line for each thing mended."""
        ...

    def find_ids(self, id_hashes: pa.Array, /) -> pa.Table:
        """Return `id_hash`, `content_hash` of those identities (uint64) that the ledger holds."""
        ...

    def recent_ids(self, since: datetime, limit: int, /) -> Iterator[pa.Table]:
        """Yield `id_hash`, `content_hash`, `received` of entries received at or after `since`: the newest `limit`."""
        ...

    def save_prices(self, records: Iterable[PriceRecord], /) -> None:
        """Keep price records for ever, by id; known ids are left alone."""
        ...


class RecordedBook(Book, Protocol):
    """A price book that can show the terms behind each price it used."""

    def record(self, price_id: str, /) -> PriceRecord:
        """Return the terms behind a `price_id` that `price` gave."""
        ...


class OrgRules(Rules, Protocol):
    """One org's rules, with a price book whose terms can be kept."""

    @property
    def book(self) -> RecordedBook:
        """What each event costs, and why."""
        ...
