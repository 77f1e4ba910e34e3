"""Blocks of one source partition into the store: the ledger first, the receipts last, each share once.

Receipts say that a block is complete. An insert has a token, so that two processes that write the same share at once
store it once. Whoever does not know what was stored before (`load`) asks the table itself, before and after: so neither
an answer that was lost, nor a token the engine forgot, nor one that it noted for rows it then lost, makes a share
missing or double.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, wait
from itertools import groupby

import pyarrow as pa

from outlay_infra.errors import StoreError
from outlay_infra.warehouse.database import Database
from outlay_infra.warehouse.loading import evidence
from outlay_infra.warehouse.loading.shares import (
    BETWEEN,
    LEDGER,
    RECEIPTS,
    Share,
    Target,
    follows_from_its_entries,
    marked,
    shares,
)
from outlay_infra.warehouse.stored import as_written
from outlay_schemas.block import Block

ATTEMPTS = 4
"""Inserts of what is still missing before the store is called at fault."""


class BlockLoader:
    """Stores blocks. Thread-safe for blocks of different partitions; methods raise `StoreError`."""

    def __init__(self, database: Database, workers: Executor) -> None:
        """Write to `database`, several tables at once on `workers`."""
        self._database = database
        self._workers = workers

    def receipts(self, partition: str, first: int, last: int) -> pa.Table:
        """Return the `RECEIPTS` of those blocks from `first` to `last`, both included, that are wholly stored."""
        return evidence.receipts(self._database, partition, first, last)

    def begin(self, block: Block) -> bool:
        """Store the entries of a block that no table can hold yet; return whether recovery could tell the rest of it.

        `complete` stores the rest. What an error of either leaves open is for `load` to find out.
        """
        self._write(LEDGER, [block])
        return follows_from_its_entries(block)

    def complete(self, blocks: Sequence[Block]) -> None:
        """Store the rest of consecutive blocks of one partition that were begun, asking nothing."""
        self._beside(lambda target: self._write(target, blocks))
        self._write(RECEIPTS, blocks)

    def load(self, blocks: Sequence[Block]) -> None:
        """Store consecutive blocks of one partition, none of which is complete; they are when this returns."""
        fresh = self._store(LEDGER, blocks, fresh=False) and all(block.entries.num_rows for block in blocks)
        self._beside(lambda target: self._store(target, blocks, fresh=fresh))
        self._store(RECEIPTS, blocks, fresh=False)

    def _beside(self, step: Callable[[Target], object]) -> None:
        """Do a step for every table between ledger and receipts, several at once; all have ended when this returns."""
        waiting = [self._workers.submit(step, target) for target in BETWEEN]
        wait(waiting)
        for done in waiting:
            done.result()

    def _write(self, target: Target, blocks: Sequence[Block]) -> None:
        rows = pa.concat_tables([marked(target, block) for block in blocks])
        if rows.num_rows:
            self._database.insert(target.table, as_written(target.table, rows), token=blocks[0].token)

    def _store(self, target: Target, blocks: Sequence[Block], *, fresh: bool) -> bool:
        """Return whether the table held nothing of the blocks before; `fresh` says that it cannot.

        The ledger comes first: what it knows nothing of is in no other table.
        """
        partition = blocks[0].partition
        wanted = shares(target, blocks)
        missing = wanted if fresh else self._missing(target, partition, wanted)
        nothing = len(missing) == len(wanted)
        attempts = 0
        while missing and attempts < ATTEMPTS:
            self._insert(target, partition, missing, attempt=attempts)
            missing = self._missing(target, partition, wanted)
            attempts += 1
        if not missing:
            return nothing
        names = ", ".join(f"{partition}/{share.offset}" for share in missing[:3])
        raise StoreError(f"{target.table} takes block {names} without an error and does not hold it; check its disk")

    def _missing(self, target: Target, partition: str, wanted: Sequence[Share]) -> list[Share]:
        there = evidence.held(self._database, target, partition, wanted)
        return [share for share in wanted if share.key not in there]

    def _insert(self, target: Target, partition: str, missing: Sequence[Share], *, attempt: int) -> None:
        by_period = sorted(missing, key=lambda share: (share.period, share.offset))
        for _, group in groupby(by_period, key=lambda share: share.period):
            together = list(group)
            rows = pa.concat_tables([share.rows for share in together])
            token = _token(partition, together[0].offset, attempt)
            self._database.insert(target.table, as_written(target.table, rows), token=token)


def _token(partition: str, offset: int, attempt: int) -> str:
    """Return the token of an insert that begins with the block at `offset`.

    Whoever else inserts from this block on takes the same token, whatever follows it there: one of them is ignored,
    and finds out what it still has to insert. A further attempt is for rows that the engine lost after it noted theirs.
    """
    return f"{partition}/{offset}" if attempt == 0 else f"{partition}/{offset}/{attempt}"
