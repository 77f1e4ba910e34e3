"""The SQL that derives each table gives the very rows that the writer stores."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from outlay_infra.warehouse import Warehouse, derive
from outlay_infra.warehouse.rollups import EVENT_IDS, MONEY, ROLLUPS, Rollup
from outlay_schemas import arrow
from tests import builders

SCHEMAS = {"cells": arrow.CELLS, "days": arrow.DAYS, "tag_days": arrow.TAG_DAYS, "event_ids": arrow.IDS}
ZONES = {"acme": "Asia/Kolkata", "globex": "America/New_York", "initech": "UTC"}


def varied() -> pa.Table:
    return builders.entries(
        {
            "amount": "1.000000000001",
            "tags": {"a": "1", "b": "2"},
            "time": datetime(2026, 5, 4, 18, 29, 59, tzinfo=UTC),
        },
        {"amount": "2", "tags": {"a": "1"}, "time": datetime(2026, 5, 4, 18, 30, tzinfo=UTC), "input_tokens": 7},
        {"amount": None, "status": "unpriced", "org": "globex", "time": datetime(2026, 11, 1, 5, 59, tzinfo=UTC)},
        {"amount": "3", "org": "initech", "team": "search", "calls": 4, "id": "5ba8bea2-f99c-4b64-a69f-2a10a423d819"},
        {"amount": "-4", "kind": "adjustment", "time": datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)},
        {"amount": "1", "time": datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC), "id": "ünï"},
    )


@pytest.mark.parametrize("rollup", [*MONEY, EVENT_IDS], ids=lambda rollup: rollup.table)
def test_derived_rows_are_those_written(warehouse: Warehouse, rollup: Rollup) -> None:
    block = builders.block(varied(), zones=ZONES)
    warehouse.insert_block(block)

    derived = derive.rows(warehouse, rollup, derive.block_scope(block.partition, block.offset), ZONES)

    schema = SCHEMAS[rollup.table]
    columns = ", ".join(schema.names)
    stored = warehouse.query(f"SELECT {columns} FROM {rollup.table} WHERE org != ''")
    names = dict(zip(rollup.columns, [*rollup.keys, *rollup.measures], strict=True))
    assert rows(derived.rename_columns([names[name] for name in derived.column_names])) == rows(stored)


def test_every_derived_table_names_its_columns(warehouse: Warehouse) -> None:
    for rollup in ROLLUPS.values():
        stored = warehouse.query(
            "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String}"
            " AND default_kind IN ('', 'EPHEMERAL')",
            {"table": rollup.table},
        )
        assert sorted(rollup.columns) == sorted(stored["name"].to_pylist())


def rows(table: pa.Table) -> list[tuple[tuple[str, object], ...]]:
    return sorted((tuple(sorted(row.items())) for row in table.to_pylist()), key=repr)
