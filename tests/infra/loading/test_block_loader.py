"""Blocks of the log in the store: each share once, whatever was repeated, lost, forgotten or written by two."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from outlay_infra.errors import StoreError, StoreUnavailable
from outlay_infra.warehouse import Warehouse
from outlay_infra.warehouse.database import Database
from outlay_infra.warehouse.loading import BlockLoader
from outlay_infra.warehouse.loading.shares import BETWEEN, LEDGER, RECEIPTS, shares
from outlay_infra.warehouse.stored import as_written
from outlay_schemas.block import Block
from tests import builders

PARTITION = "spend/1"
TARGETS = (LEDGER, *BETWEEN, RECEIPTS)


@pytest.fixture
def workers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(3) as pool:
        yield pool


@pytest.fixture
def loader(warehouse: Warehouse, workers: ThreadPoolExecutor) -> BlockLoader:
    return BlockLoader(warehouse, workers)


def block(offset: int, *, late: bool = True) -> Block:
    """A block of two organisations; half of it, unless it is not `late`, was used a month earlier."""
    earlier = builders.NOON - timedelta(days=40 if late else 0)
    rows = builders.entries(
        {"id": f"a{offset}", "amount": "1.5", "tags": {"tier": "gold"}, "user": "ann", "latency_ms": 64},
        {"id": f"b{offset}", "amount": None, "status": "unpriced", "source": "other", "org": "globex"},
        {"id": f"c{offset}", "amount": "2", "tags": {"tier": "free"}, "time": earlier},
    )
    refused = [{"id": "r"}, {"id": "s", "outcome": "conflict"}]
    return builders.block(rows, partition=PARTITION, offset=offset, rejects=refused, duplicates=1)


def assert_whole(warehouse: Warehouse, blocks: Sequence[Block]) -> None:
    """Every table holds exactly these blocks."""
    assert warehouse.check() == []
    count = {"ledger": 3, "event_ids": 3, "rejects": 2, "receipts": 2}
    for table, each in count.items():
        assert warehouse.query(f"SELECT count() AS n FROM {table}")["n"][0].as_py() == each * len(blocks), table
    for table in ("cells", "days", "tag_days"):
        sums = warehouse.query(f"SELECT sum(amount) AS amount FROM {table} WHERE org != ''").to_pylist()[0]
        assert sums == {"amount": Decimal("3.5") * len(blocks)}, table


def store(warehouse: Warehouse, target: Any, block: Block, *, token: bool = True) -> None:
    for share in shares(target, [block]):
        rows = as_written(target.table, share.rows)
        warehouse.insert(target.table, rows, token=block.token if token else None)


def test_blocks_are_stored_whole_and_a_repeat_changes_nothing(warehouse: Warehouse, loader: BlockLoader) -> None:
    blocks = [block(offset) for offset in (1, 3, 4)]

    loader.load(blocks)
    assert_whole(warehouse, blocks)
    assert set(loader.receipts(PARTITION, 0, 9)["block"].to_pylist()) == {1, 3, 4}

    loader.load(blocks)
    assert_whole(warehouse, blocks)


@pytest.mark.parametrize("forgotten", [False, True], ids=["tokens kept", "tokens forgotten"])
@pytest.mark.parametrize("stored", [1, 3, 6])
def test_a_block_cut_short_anywhere_is_completed(
    warehouse: Warehouse, loader: BlockLoader, stored: int, forgotten: bool
) -> None:
    """Tokens leave the engine's memory after 10,000 inserts: an insert without one is such a stranger."""
    for target in TARGETS[:stored]:
        store(warehouse, target, block(1), token=not forgotten)

    loader.load([block(1), block(2)])

    assert_whole(warehouse, [block(1), block(2)])


def test_a_block_whose_month_was_moved_aside_meanwhile_is_in_no_table_twice(
    warehouse: Warehouse, loader: BlockLoader
) -> None:
    for target in TARGETS[:-1]:
        store(warehouse, target, block(1), token=False)
    warehouse.command("TRUNCATE TABLE ledger")

    loader.load([block(1)])

    assert_whole(warehouse, [block(1)])


def test_rows_lost_after_their_token_was_noted_are_inserted_again(warehouse: Warehouse, loader: BlockLoader) -> None:
    for target in TARGETS:
        store(warehouse, target, block(1))
        warehouse.command(f"ALTER TABLE {target.table} DELETE WHERE 1 SETTINGS mutations_sync = 2")

    loader.load([block(1)])

    assert_whole(warehouse, [block(1)])


def test_a_table_that_has_one_month_of_a_block_gets_the_other(warehouse: Warehouse, loader: BlockLoader) -> None:
    for target in (LEDGER, *BETWEEN):
        share = shares(target, [block(1)])[0]
        warehouse.insert(target.table, as_written(target.table, share.rows), token=block(1).token)

    loader.load([block(1)])

    assert_whole(warehouse, [block(1)])


def test_merges_keep_the_marks(warehouse: Warehouse, loader: BlockLoader) -> None:
    blocks = [block(offset) for offset in range(1, 6)]
    for each in blocks:
        for target in TARGETS[:-1]:
            store(warehouse, target, each, token=False)
    for target in TARGETS:
        warehouse.command(f"OPTIMIZE TABLE {target.table} FINAL")

    loader.load(blocks)

    assert_whole(warehouse, blocks)


class Interrupted:
    """A database that fails at the n-th insert, before or after it took it, as a lost connection does."""

    def __init__(self, database: Warehouse, at: int, *, taken: bool) -> None:
        self._database = database
        self._left = at
        self._taken = taken

    def insert(self, table: str, rows: Any, *, token: str | None = None) -> None:
        self._left -= 1
        if self._left == 0:
            if self._taken:
                self._database.insert(table, rows, token=token)
            raise StoreUnavailable("the connection was lost")
        self._database.insert(table, rows, token=token)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


@pytest.mark.parametrize("taken", [False, True])
@pytest.mark.parametrize("at", [1, 2, 4, 6, 7])
def test_a_group_that_fails_anywhere_is_completed_by_another_that_groups_otherwise(
    warehouse: Warehouse, workers: ThreadPoolExecutor, at: int, taken: bool
) -> None:
    blocks = [block(offset) for offset in range(1, 5)]
    broken: Database = Interrupted(warehouse, at, taken=taken)  # type: ignore[assignment]

    with pytest.raises(StoreUnavailable):
        BlockLoader(broken, workers).load(blocks[:3])
    other = BlockLoader(warehouse, workers)
    other.load(blocks[:2])
    other.load(blocks[2:])

    assert_whole(warehouse, blocks)


class Racing:
    """A database that lets another process do its part right before the n-th insert reaches the store."""

    def __init__(self, database: Warehouse, at: int, other: Callable[[], None]) -> None:
        self._database = database
        self._left = at
        self._other = other

    def insert(self, table: str, rows: Any, *, token: str | None = None) -> None:
        self._left -= 1
        if self._left == 0:
            self._other()
        self._database.insert(table, rows, token=token)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


@pytest.mark.parametrize("late", [False, True], ids=["one month", "two months"])
@pytest.mark.parametrize("at", [1, 2, 3, 6])
def test_a_loader_that_was_replaced_while_it_inserted_does_no_harm(
    warehouse: Warehouse, workers: ThreadPoolExecutor, at: int, late: bool
) -> None:
    """The old one holds blocks 1 to 3 in its hands while the new one stores 1, then 2 to 4, and goes on."""
    blocks = [block(offset, late=late or offset == 3) for offset in range(1, 5)]

    def successor() -> None:
        with ThreadPoolExecutor(3) as others:
            new = BlockLoader(warehouse, others)
            new.load(blocks[:1])
            new.load(blocks[1:])

    BlockLoader(Racing(warehouse, at, successor), workers).load(blocks[:3])  # type: ignore[arg-type]

    assert_whole(warehouse, blocks)


def test_a_store_that_keeps_losing_rows_is_named(warehouse: Warehouse, workers: ThreadPoolExecutor) -> None:
    class Losing(Racing):
        def insert(self, table: str, rows: Any, *, token: str | None = None) -> None:
            if table != "days":
                super().insert(table, rows, token=token)

    with pytest.raises(StoreError, match="days takes block spend/1/1"):
        BlockLoader(Losing(warehouse, 0, list), workers).load([block(1)])  # type: ignore[arg-type]
