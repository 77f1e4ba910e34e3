"""A ledger in memory that holds its users to the contract: one content a token, and failures when told to fail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from outlay_schemas.arrow import CELLS, ENTRIES, IDS, RECEIPTS, REJECTS
from outlay_schemas.block import Block
from outlay_schemas.prices import PriceRecord

TABLES = {"entries": ENTRIES, "ids": IDS, "cells": CELLS, "receipts": RECEIPTS, "rejects": REJECTS}


class MemoryLedger:
    """Implements `Ledger`. Set `failure` to make every write raise it, `cut_short` to store the entries first.

    With `early` set, a block is durable as soon as a write begins to wait at the gate, and its rest is left for later
    while more is to come.
    """

    def __init__(self) -> None:
        self.blocks: dict[str, Block] = {}
        self.half: dict[str, Block] = {}
        self.prices: dict[str, str] = {}
        self.failure: Exception | None = None
        self.cut_short = False
        self.early = False
        self.refuses: Exception | None = None
        """What finishing a block raises."""
        self.gate = threading.Event()
        """Writes wait until it is set; set from the start."""
        self.gate.set()
        self.entered = threading.Semaphore(0)
        """Released as often as a write begins."""
        self.recovered = threading.Semaphore(0)
        """Released as often as the ledger was asked to recover."""
        self.finished = threading.Semaphore(0)
        """Released as often as the ledger finished a block."""
        self.lookups: list[int] = []

    def insert_block(self, block: Block, /, *, durable: Callable[[], bool] = lambda: False) -> bool:
        self.entered.release()
        if self.early:
            self.half[block.token] = block
            if durable():
                return True
        assert self.gate.wait(30)
        held = self.blocks.get(block.token) or self.half.get(block.token)
        assert held is None or held.entries.equals(block.entries), f"{block.token} names two contents"
        if self.failure is not None:
            if self.cut_short:
                self.half[block.token] = block
            raise self.failure
        self._keep(block)
        return False

    def complete_blocks(self) -> None:
        if self.failure is not None:
            raise self.failure
        self.blocks.update(self.half)
        self.half.clear()

    def finish_blocks(self, blocks: Sequence[Block], /) -> None:
        if self.failure or self.refuses:
            raise self.failure or self.refuses  # type: ignore[misc]
        for block in blocks:
            self._keep(block)
        self.finished.release()

    def _keep(self, block: Block) -> None:
        self.half.pop(block.token, None)
        self.blocks[block.token] = block

    def recover(self, partition_prefix: str, /) -> list[str]:
        mended = [token for token, block in self.half.items() if block.partition.startswith(partition_prefix)]
        self.blocks.update({token: self.half.pop(token) for token in mended})
        self.recovered.release()
        return [f"completed {token}" for token in mended]

    def find_ids(self, id_hashes: pa.Array, /) -> pa.Table:
        self.lookups.append(len(id_hashes))
        ids = self.table("ids")
        return ids.filter(pc.is_in(ids["id_hash"], id_hashes)).select(["id_hash", "content_hash"])

    def recent_ids(self, since: datetime, limit: int, /) -> Iterator[pa.Table]:
        ids = self.table("ids").select(["id_hash", "content_hash", "received"])
        ids = ids.filter(pc.greater_equal(ids["received"], pa.scalar(since, ids["received"].type)))
        yield ids.sort_by([("received", "descending")]).slice(0, limit)

    def save_prices(self, records: Iterable[PriceRecord], /) -> None:
        if self.failure is not None:
            raise self.failure
        for record in records:
            self.prices.setdefault(record.price_id, record.body)

    def table(self, name: str) -> pa.Table:
        """Return all rows of a table of `Block`, over all blocks."""
        return pa.concat_tables([TABLES[name].empty_table(), *(getattr(block, name) for block in self.blocks.values())])

    def half_stored(self) -> int:
        return len(self.half)
