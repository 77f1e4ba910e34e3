"""The store as a loader uses it: opened when it answers, for a loader runs while it is away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pyarrow as pa

from outlay_infra.errors import SchemaError
from outlay_infra.warehouse import states
from outlay_infra.warehouse.loading.loader import BlockLoader
from outlay_schemas.block import Block
from outlay_schemas.prices import PriceRecord

if TYPE_CHECKING:
    from outlay_infra.warehouse.warehouse import Warehouse

WORKERS = 4
"""Tables written at once."""


class LoaderStore:
    """Thread-safe; methods raise `StoreError`, also while the store is away or its tables are not of this version."""

    def __init__(self, connect: Callable[[], Warehouse]) -> None:
        """Connect by `connect` on first use, and again until that succeeds."""
        self._connect = connect
        self._connecting = threading.Lock()
        self._warehouse: Warehouse | None = None
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="load")

    def receipts(self, partition: str, first: int, last: int, /) -> pa.Table:
        """Return the `RECEIPTS` of those blocks from `first` to `last`, both included, that are wholly stored."""
        return self._loader().receipts(partition, first, last)

    def load(self, blocks: Sequence[Block], /) -> None:
        """Store consecutive blocks of one partition, durably; a repeat of any of them changes nothing."""
        self._loader().load(blocks)

    def keep_prices(self, prices: pa.Table, /) -> None:
        """Keep price records (`PRICES`) for ever, by id; known ids are left alone."""
        self._opened().save_prices(PriceRecord(**row) for row in prices.to_pylist())

    def sum_up(self, partitions: Sequence[str], /) -> None:
        """Sum users and latencies of these partitions, which no other process may sum meanwhile."""
        states.follow(self._opened(), partitions)

    def close(self) -> None:
        """Let go of the store."""
        self._workers.shutdown()
        with self._connecting:
            if self._warehouse is not None:
                self._warehouse.close()

    def _loader(self) -> BlockLoader:
        return BlockLoader(self._opened(), self._workers)

    def _opened(self) -> Warehouse:
        with self._connecting:
            if self._warehouse is None:
                warehouse = self._connect()
                pending = warehouse.pending_migrations()
                if pending:
                    warehouse.close()
                    raise SchemaError(f"migrations are pending: {', '.join(pending)}; run outlay migrate")
                self._warehouse = warehouse
            return self._warehouse
