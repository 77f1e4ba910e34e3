"""The blocks of the one writer: begun, acknowledged where nothing can undo them, completed alone or a few together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from outlay_infra.errors import StoreInUse, StoreUnavailable
from outlay_infra.warehouse.loading.loader import BlockLoader
from outlay_infra.warehouse.own_writes import OwnWrites
from outlay_schemas.block import Block

BEGUN_BLOCKS = 4
BEGUN_ENTRIES = 1_000
"""So many small blocks, with so many entries together, may have their rest stored at once."""


def whole() -> bool:
    """Nobody waits for an early answer, and the block is to be stored whole at once."""
    return False


def not_the_writer() -> StoreInUse:
    """Return the error of a process whose right to write has ended."""
    return StoreInUse("another process may write to this store by now; ask that one, or stop it")


class BlockWriter:
    """Stores blocks one after another; the caller lets one thread in at a time. Methods raise `StoreError`.

    After a failure it is open what the store holds; nothing more is begun until `finish`, or recovery and `settled`.
    """

    def __init__(self, loader: BlockLoader, own: OwnWrites, may_write: Callable[[], bool]) -> None:
        """Write by `loader`; `own` hears what was acknowledged and what is whole.

        Once `may_write` says no, what was begun is left to the writer that took over.
        """
        self._loader = loader
        self._own = own
        self._may_write = may_write
        self._begun: list[Block] = []
        self._open = False
        self.unsummed = 0
        """Blocks stored since users and latencies were last caught up."""

    @property
    def open(self) -> bool:
        """Whether a failure left it open what became of blocks."""
        return self._open

    def insert(self, block: Block, durable: Callable[[], bool]) -> bool:
        """Store a block and return whether its rest was left for later (see `Warehouse.insert_block`)."""
        with self._open_until_stored():
            may_wait = False
            if self._loader.begin(block):
                self._own.acknowledged()
                may_wait = durable()
            self._begun.append(block)
            few = len(self._begun) < BEGUN_BLOCKS and sum(one.entries.num_rows for one in self._begun) < BEGUN_ENTRIES
            if not (may_wait and few) or self._own.awaited:
                self._complete()
            return bool(self._begun)

    def complete(self) -> None:
        """Store what was left for later."""
        with self._open_until_stored():
            self._complete()

    def finish(self, blocks: Sequence[Block]) -> None:
        """Store what the tables lack of blocks, each table being asked."""
        self._loader.load(blocks)
        self.settled()

    def settled(self) -> None:
        """Go on: every block is stored wholly or not at all."""
        self._begun.clear()
        self._open = False
        self._own.whole()

    def _complete(self) -> None:
        if self._begun:
            if not self._may_write():
                raise not_the_writer()
            self._loader.complete(self._begun)
            self.unsummed += len(self._begun)
            self.settled()

    @contextmanager
    def _open_until_stored(self) -> Iterator[None]:
        if self._open:
            raise StoreUnavailable("a block waits for the store; retry once it is stored")
        try:
            yield
        except BaseException:
            self._open = True
            self._own.failed()
            raise
