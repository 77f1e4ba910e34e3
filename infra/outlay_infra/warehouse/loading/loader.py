"""Blocks of one source partition into the store: the ledger first, the receipts last, each share once.

Receipts say that a block is complete. An insert has a token, so that two processes that write the same share at once,
or one whose insert got no answer and is carried out later, store it once. Whoever does not know what was stored before
(`load`) asks the table itself, before and after: so neither an answer that was lost, nor a token the engine forgot, nor
one that it noted for rows it then lost, makes a share missing or double.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, wait

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
        self._store(LEDGER, blocks)
        self._beside(lambda target: self._store(target, blocks))
        self._store(RECEIPTS, blocks)

    def _beside(self, step: Callable[[Target], object]) -> None:
        """Do a step for every table between ledger and receipts, several at once; all have ended when this returns."""
        waiting = [self._workers.submit(step, target) for target in BETWEEN]
        wait(waiting)
        for done in waiting:
            done.result()

    def _write(self, target: Target, blocks: Sequence[Block]) -> None:
        self._insert(target, blocks[0].partition, shares(target, blocks), attempt=0)

    def _store(self, target: Target, blocks: Sequence[Block]) -> None:
        partition = blocks[0].partition
        wanted = shares(target, blocks)
        missing = self._missing(target, partition, wanted)
        attempts = 0
        while missing and attempts < ATTEMPTS:
            self._insert(target, partition, missing, attempt=attempts)
            missing = self._missing(target, partition, wanted)
            attempts += 1
        if missing:
            names = ", ".join(f"{partition}/{share.offset}" for share in missing[:3])
            raise StoreError(
                f"{target.table} takes block {names} without an error and does not hold it; check its disk"
            )

    def _missing(self, target: Target, partition: str, wanted: Sequence[Share]) -> list[Share]:
        there = evidence.held(self._database, target, partition, wanted)
        return [share for share in wanted if share.key not in there]

    def _insert(self, target: Target, partition: str, missing: Sequence[Share], *, attempt: int) -> None:
        """Insert shares, each under the token of the first one of its period: the engine knows tokens by period.

        So the same shares have the same token, whether the writer inserts them unasked or `load` finds them missing.
        """
        first: dict[int, int] = {}
        for share in missing:
            first[share.period] = min(share.offset, first.get(share.period, share.offset))
        together: dict[int, list[pa.Table]] = {}
        for share in sorted(missing, key=lambda share: (share.period, share.offset)):
            together.setdefault(first[share.period], []).append(share.rows)
        for offset, rows in together.items():
            written = as_written(target.table, pa.concat_tables(rows))
            self._database.insert(target.table, written, token=_token(partition, offset, attempt))


def _token(partition: str, offset: int, attempt: int) -> str:
    """Return the token of an insert whose periods begin with the block at `offset`.

    Whoever else inserts from this block on takes the same token, whatever follows it there: one of them is ignored,
    and finds out what it still has to insert. A further attempt is for rows that the engine lost after it noted theirs.
    """
    return f"{partition}/{offset}" if attempt == 0 else f"{partition}/{offset}/{attempt}"
