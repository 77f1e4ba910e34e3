"""The warehouse: blocks in, answers out, over the embedded engine or a server; the DSN alone decides which."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import date, datetime
from typing import Self

import pyarrow as pa

from outlay_infra.errors import StoreError
from outlay_infra.warehouse import check, ids, migrations, receipts, recovery, retention, states
from outlay_infra.warehouse import repair as repairs
from outlay_infra.warehouse.check import Difference
from outlay_infra.warehouse.database import NONE, Parameters, Settings
from outlay_infra.warehouse.engine import Engine
from outlay_infra.warehouse.loading.loader import BlockLoader
from outlay_infra.warehouse.own_writes import OwnWrites
from outlay_infra.warehouse.reader import Reader, ReadLimits
from outlay_infra.warehouse.stored import as_written
from outlay_infra.warehouse.under_way import wait_for_inserts
from outlay_infra.warehouse.writing import BlockWriter, not_the_writer, whole
from outlay_infra.warehouse.zones import reporting_zones
from outlay_schemas.block import Block
from outlay_schemas.prices import PriceRecord

WORKERS = 3
"""Tables of a block written at once."""

STATES_EVERY = 256
"""Blocks after which users and latencies are caught up."""


def _always() -> bool:
    return True


class Warehouse:
    """One ClickHouse database with the ledger and everything derived from it.

    Thread-safe: reads run side by side, writes of blocks and repairs one after another. Methods raise `StoreError`
    (`outlay_infra.errors`).
    """

    may_write: Callable[[], bool] = staticmethod(_always)
    """Whether this process is still the store's one writer: sums are made and mended by that one alone."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writing, self._summing = threading.RLock(), threading.RLock()
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="warehouse")
        self._behind = ThreadPoolExecutor(1, thread_name_prefix="sums")
        self._own = OwnWrites()
        self._loader = BlockLoader(engine, self._workers)
        self._blocks = BlockWriter(self._loader, self._own, lambda: self.may_write())  # noqa: PLW0108 - it is set later

    @classmethod
    def open(cls, dsn: str, *, database: str = "outlay") -> Self:
        """Open the store `dsn` names and create the database when it is missing; `migrate` makes the tables."""
        return cls(Engine(dsn, database=database))

    @property
    def database(self) -> str:
        """The name of the database."""
        return self._engine.database

    def close(self) -> None:
        """Let the engine go, after the writes under way."""
        with self._writing:
            self.settle()
            self._behind.shutdown()
            self._workers.shutdown()
            self._engine.close()

    def settle(self) -> None:
        """Store and sum what this process left for later, if it is still the one writer."""
        with suppress(StoreError):  # what is left is stored and summed at the next start
            if self.may_write() and not self._blocks.open:
                self.complete_blocks()
            if self._blocks.unsummed:
                self._sum()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def migrate(self) -> list[str]:
        """Bring the tables up to this version and return the names of the migrations applied."""
        with self._writing:
            return migrations.apply(self._engine, migrations.packaged(), self._engine.replicas)

    def pending_migrations(self) -> list[str]:
        """Return the names of the migrations that `migrate` would apply."""
        return migrations.pending(self._engine, migrations.packaged())

    def query(self, sql: str, params: Parameters = NONE, settings: Settings = NONE) -> pa.Table:
        """Return the rows of a SELECT; `{name:Type}` in `sql` takes `params[name]`."""
        return self._engine.query(sql, params, settings)

    def stream(self, sql: str, params: Parameters = NONE, settings: Settings = NONE) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a SELECT batch by batch; close the iterator to stop early."""
        return self._engine.stream(sql, params, settings)

    def reader(self, limits: ReadLimits) -> Reader:
        """Return what answers callers: each question takes so much time and memory and no more."""
        return Reader(self._engine, limits, self._own_writes)

    def command(self, sql: str, params: Parameters = NONE) -> None:
        """Run a statement that returns no rows."""
        self._engine.command(sql, params)

    def insert(self, table: str, rows: pa.Table, *, token: str | None = None) -> None:
        """Insert rows that are no part of a block, as one block; a repeat under the same `token` changes nothing."""
        self._engine.insert(table, as_written(table, rows), token=token)

    def insert_block(self, block: Block, /, *, durable: Callable[[], bool] = whole) -> bool:
        """Store a block whose offset no other ever had; every table has it, durably, when this returns False.

        Where nothing can undo the block before that, `durable` is called then: its callers can be answered, and readers
        wait for the rest. If it returns True, for more blocks are to follow at once, the rest may be left to be stored
        with theirs, or by `complete_blocks`: then this returns True. What an error leaves open, `finish_blocks` or
        `recover` finds out.
        """
        with self._writing:
            left = self._blocks.insert(block, durable)
            if self._blocks.unsummed >= STATES_EVERY:
                self._blocks.unsummed = 0
                self._behind.submit(self._sum_behind)
            return left

    def complete_blocks(self) -> None:
        """Store what `insert_block` left for later.

        Raises `StoreUnavailable` while blocks are open after a failure, and when another process may write by now.
        """
        with self._writing:
            self._blocks.complete()

    def finish_blocks(self, blocks: Sequence[Block], /) -> None:
        """Store what the tables lack of consecutive blocks, whatever became of earlier tries: each table is asked."""
        with self._writing:
            self._blocks.finish(blocks)

    def catch_up(self) -> None:
        """Sum users and latencies (`day_users`, `day_latency`) up to the newest block; all else is up to date."""
        self._own_writes()
        self._sum()

    def _sum(self) -> None:
        with self._summing:
            if self.may_write():
                self._blocks.unsummed = 0
                states.catch_up(self._engine)

    def _sum_behind(self) -> None:
        with suppress(StoreError):  # what is left is summed the next time
            self._sum()

    def _own_writes(self) -> None:
        if self.may_write():  # else another process does what is left
            self._own.wait()

    def recover(self, partition_prefix: str, /, zones: Mapping[str, str] | None = None) -> list[str]:
        """Complete what a crash cut short, blocks and then retention; return a line for each thing mended."""
        with self._writing, self._summing:
            if self._engine.remote:
                wait_for_inserts(self._engine)
            mended = recovery.recover(self._engine, self._loader, partition_prefix, self._zones(zones))
            self._blocks.settled()
            return [*mended, *retention.finish(self._engine)]

    def last_offset(self, partition_prefix: str, /) -> int | None:
        """Return the highest block offset of the partitions that start so, complete or not; None when there is none."""
        return recovery.last_offset(self._engine, partition_prefix)

    def check(
        self,
        org: str | None = None,
        since: date | None = None,
        until: date | None = None,
        *,
        zones: Mapping[str, str] | None = None,
    ) -> list[Difference]:
        """Compare every derived table and every receipt with the ledger, for days `since <= day < until`.

        `zones` gives the reporting zone by org, the catalog's when left out. Writers go on, but for the moments in
        which a day that seems to differ is looked at again.
        """
        checked = check.Range(org, since, until)
        self.catch_up()
        return [
            *check.rollups(self._engine, checked, self._zones(zones), self._still),
            *receipts.conservation(self._engine, checked, self._still),
        ]

    def repair(self, table: str, partition: str, *, zones: Mapping[str, str] | None = None) -> str:
        """Rebuild one partition of a derived table from the ledger and return a line that says so."""
        with self._still():
            return repairs.repair(self._engine, table, partition, self._zones(zones))

    def rebuild_days(self, org: str) -> list[str]:
        """Rebuild the local-day tables after the reporting zone of `org` changed; return a line for each partition.

        The caller sees to it that no block metered under the earlier zone follows.
        """
        return list(self.rebuilding_days(org))

    def rebuilding_days(self, org: str) -> Iterator[str]:
        """Do as `rebuild_days`, a partition whenever a line is asked for; blocks are stored between them.

        Only the end is noted, so one that is given up is begun anew by the next.
        """
        with self._still():
            plan = repairs.plan_days(self._engine, org)
        for place, (table, month) in enumerate(plan.partitions, start=1):
            with self._still():
                line = repairs.rebuild_day_partition(self._engine, plan, table, month)
            if line is not None:
                yield f"{line} ({place} of {len(plan.partitions)})"
        with self._still():
            repairs.note_days(self._engine, plan)

    def retention(
        self,
        today: date,
        *,
        raw_days: int | None = None,
        rollup_days: int | None = None,
        rejects_days: int | None = retention.REJECTS_DAYS,
    ) -> list[str]:
        """Drop whole partitions whose last day is more than so many days before `today`; None keeps them for ever."""
        limits = retention.Limits(raw_days=raw_days, rollup_days=rollup_days, rejects_days=rejects_days)
        with self._still():
            return retention.apply(self._engine, today, limits)

    @contextmanager
    def _still(self) -> Iterator[None]:
        with self._writing, self._summing:
            if not self.may_write():
                raise not_the_writer()
            self.complete_blocks()
            self._sum()
            yield

    def _zones(self, zones: Mapping[str, str] | None) -> Mapping[str, str]:
        return reporting_zones(self._engine) if zones is None else zones

    def find_ids(self, id_hashes: pa.Array, /) -> pa.Table:
        """Return `id_hash`, `content_hash` of those identities (uint64) that the ledger holds."""
        return ids.find_ids(self._engine, id_hashes)

    def recent_ids(self, since: datetime, limit: int, /) -> Iterator[pa.Table]:
        """Yield `id_hash`, `content_hash`, `received` of the newest `limit` entries received at or after `since`."""
        return ids.recent_ids(self._engine, since, limit)

    def find_entries(self, org: str, id: str, source: str | None = None) -> pa.Table:  # noqa: A002  (the event's own word)
        """Return the entries (schema `ENTRIES`) of one event id, from any source unless one is named."""
        return ids.find_entries(self._engine, org, id, source)

    def save_prices(self, records: Iterable[PriceRecord], /) -> None:
        """Keep price records for ever, by id; known ids are left alone."""
        bodies = {record.price_id: record.body for record in records}
        known = self.query(
            "SELECT DISTINCT price_id FROM prices WHERE price_id IN {ids:Array(String)}", {"ids": list(bodies)}
        )
        fresh = sorted(bodies.keys() - set(known["price_id"].to_pylist()))
        if fresh:
            self.insert("prices", pa.table({"price_id": fresh, "body": [bodies[price_id] for price_id in fresh]}))
