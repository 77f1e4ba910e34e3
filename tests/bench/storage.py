"""Bytes an event on disk, insert rates and opening time: `python -m tests.bench.storage [EVENTS]`.

`run` loads generated blocks through the warehouse, copies them inside the engine where more events are asked for than
`LOADED`, merges every table, and counts the bytes of active parts.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from outlay_infra.warehouse import Warehouse
from outlay_schemas.block import Block
from tests.bench import generate
from tests.bench.copies import multiply

LOADED = 10_000_000
"""Events loaded as blocks; each further so many are a copy of them."""

DERIVED = ("event_ids", "cells", "days", "tag_days", "day_users", "day_latency", "receipts", "rejects")
_SIZES = """
SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts
WHERE database = currentDatabase() AND active GROUP BY table ORDER BY bytes DESC
"""
_COLUMNS = """
SELECT table, column, sum(column_data_compressed_bytes) AS bytes FROM system.parts_columns
WHERE database = currentDatabase() AND active GROUP BY table, column ORDER BY table, bytes DESC
"""


@dataclass(frozen=True, slots=True)
class Storage:
    """What a load of `events` took; sizes in bytes, times in seconds."""

    events: int
    loaded: int
    """How many of them came as blocks."""
    inserting: float
    slowest_block: float
    merging: float
    opening: float
    tables: dict[str, tuple[int, int]]
    """Rows and bytes, by table."""
    columns: list[tuple[str, str, int]]

    @property
    def bytes_an_event(self) -> float:
        """Every table together."""
        return sum(size for _, size in self.tables.values()) / self.events

    def __str__(self) -> str:
        lines = [
            f"{self.events:,} events: {self.loaded / self.inserting:,.0f} rows/s into all tables",
            f"slowest block {self.slowest_block * 1000:.0f} ms, merged in {self.merging:.1f} s",
            f"opened in {self.opening:.2f} s",
            f"{'table':<12} {'rows':>12} {'bytes/row':>10} {'bytes/event':>12}",
        ]
        lines += [
            f"{table:<12} {rows:>12,} {size / max(rows, 1):>10.1f} {size / self.events:>12.2f}"
            for table, (rows, size) in self.tables.items()
        ]
        lines.append(f"{'all':<12} {'':>12} {'':>10} {self.bytes_an_event:>12.2f}")
        heavy = [
            (table, column, size / self.events) for table, column, size in self.columns if size / self.events >= 0.2
        ]
        lines += [f"  {table}.{column} {share:.2f}" for table, column, share in heavy]
        return "\n".join(lines)


def run(events: int, *, days: int = generate.DAYS, block_rows: int = 10_000, directory: Path | None = None) -> Storage:
    """Load `events` spread over `days` into an embedded store in `directory` (a temporary one when none is given)."""
    with tempfile.TemporaryDirectory() as temporary:
        dsn = f"chdb://{directory or temporary}"
        with Warehouse.open(dsn) as warehouse:
            warehouse.migrate()
            times = -(-events // LOADED)
            spent = _load(warehouse, generate.blocks(events // times, days=days, block_rows=block_rows))
            warehouse.catch_up()
            if times > 1:
                multiply(warehouse, times)
            started = time.perf_counter()
            for table in ("ledger", *DERIVED):
                warehouse.command(f"OPTIMIZE TABLE {table} FINAL")
            merging = time.perf_counter() - started
            tables = {row["table"]: (row["rows"], row["bytes"]) for row in warehouse.query(_SIZES).to_pylist()}
            columns = [(row["table"], row["column"], row["bytes"]) for row in warehouse.query(_COLUMNS).to_pylist()]
        started = time.perf_counter()
        with Warehouse.open(dsn) as warehouse:
            warehouse.query("SELECT count() FROM ledger")
        return Storage(
            events=tables["ledger"][0],
            loaded=events // times,
            inserting=sum(spent),
            slowest_block=max(spent),
            merging=merging,
            opening=time.perf_counter() - started,
            tables=tables,
            columns=columns,
        )


def _load(warehouse: Warehouse, blocks: Iterable[Block]) -> list[float]:
    """Insert every block and return the seconds each took, the making of it left out."""
    spent = []
    for block in blocks:
        started = time.perf_counter()
        warehouse.insert_block(block)
        spent.append(time.perf_counter() - started)
    return spent


if __name__ == "__main__":
    print(run(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
