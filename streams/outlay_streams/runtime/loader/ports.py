"""What the loader needs of the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa

from outlay_schemas.block import Block


class Store(Protocol):
    """Where blocks go. Thread-safe for different partitions; methods raise `StoreError` (outlay_infra.errors)."""

    def receipts(self, partition: str, first: int, last: int, /) -> pa.Table:
        """Return the `RECEIPTS` of those blocks from `first` to `last`, both included, that are wholly stored."""
        ...

    def load(self, blocks: Sequence[Block], /) -> None:
        """Store consecutive blocks of one partition, durably; a repeat of any of them changes nothing."""
        ...

    def keep_prices(self, prices: pa.Table, /) -> None:
        """Keep price records (`PRICES`) for ever, by id; known ids are left alone."""
        ...

    def sum_up(self, partitions: Sequence[str], /) -> None:
        """Sum users and latencies of these partitions up to the newest block stored."""
        ...
