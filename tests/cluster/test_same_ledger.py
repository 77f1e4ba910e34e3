"""One scenario, embedded and on a cluster: the same ledger, but for when and in which block an event arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import orjson
import pyarrow as pa
import pytest

from outlay_api.app import create_app
from outlay_api.compose import embedded
from outlay_api.demo.traffic import disturbed
from outlay_api.demo.world import catalog_text, traffic
from outlay_infra.settings import Settings
from outlay_infra.warehouse import Warehouse
from outlay_schemas import arrow
from tests.support.cluster import Cluster, eventually

EVENTS = 2_000
BATCH = 500
START, END = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC)
"""Reaches further back than ids are remembered."""
HEADERS = {"content-type": "application/yaml"}

_SUMS = ", ".join(f"toInt64(sum({name})) AS {name}" for name in arrow.SUMS.names if name != "amount")


def scenario() -> Iterator[bytes]:
    """Yield the bodies to send, with repeats, conflicts, late and invalid events."""
    stream = islice(disturbed(traffic(5).history(START, END, EVENTS)), EVENTS)
    while batch := list(islice(stream, BATCH)):
        yield b"\n".join(map(orjson.dumps, batch))


@pytest.fixture(scope="module")
def ledger_of_one_process(engine_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pa.Table]:
    return asyncio.run(_embedded(engine_dsn, tmp_path_factory.mktemp("embedded")))


async def _embedded(dsn: str, data: Path) -> dict[str, pa.Table]:
    settings = Settings(data=data, store=dsn, database="same_ledger")
    with embedded(settings) as services:
        transport = httpx.ASGITransport(app=create_app(services, in_process=True))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=60) as client:
            await client.put("/v1/catalog", content=catalog_text(), headers=HEADERS)
            for body in scenario():
                answer = await client.post("/v1/events", content=body, headers={"content-type": "application/x-ndjson"})
                assert answer.status_code == 200, answer.text
        return tables(services.warehouse)


@pytest.fixture(scope="module")
def ledger_of_a_cluster(cluster: Cluster) -> dict[str, pa.Table]:
    api, _ = cluster.start("api", "loader")
    answer = httpx.put(f"{api.url}/v1/catalog", content=catalog_text(), headers=HEADERS, timeout=60)
    assert answer.is_success, answer.text
    cluster.start("meter")
    for body in scenario():
        kind = {"content-type": "application/x-ndjson"}
        answer = httpx.post(f"{api.url}/v1/events", content=body, headers=kind, timeout=60)
        assert answer.status_code == 200, answer.text

    def arrived() -> bool:
        period = {"from": "2026-01-01", "to": "2100-01-01"}
        totals = httpx.get(f"{api.url}/v1/conservation", params=period, timeout=60).json()["totals"]
        return bool(totals["received"] == EVENTS and not totals["pending"])

    eventually(arrived)
    with cluster.warehouse() as warehouse:
        assert warehouse.check() == []
        return tables(warehouse)


def tables(warehouse: Warehouse) -> dict[str, pa.Table]:
    """Return what the ledger says, in an order of its own, without what tells of arrival."""
    arrival = {"received", "partition", "block"}
    entries = [name for name in arrow.ENTRIES.names if name not in arrival]
    rejects = [name for name in arrow.REJECTS.names if name not in arrival]
    questions = {
        "entries": f"SELECT {_named(entries)} FROM ledger ORDER BY org, source, id",
        "ids": "SELECT id_hash, content_hash, org, team, time FROM event_ids ORDER BY id_hash",
        "rejects": f"SELECT {_named(rejects)} FROM rejects ORDER BY ALL",
        "receipts": "SELECT org, source, sum(received) AS n, sum(counted) AS c, sum(duplicate) AS d,"
        " sum(conflict) AS x, sum(rejected) AS r FROM receipts GROUP BY ALL ORDER BY ALL",
        "prices": "SELECT DISTINCT price_id, body FROM prices ORDER BY ALL",
        **{table: _summed(table, schema) for table, schema in _ROLLUPS.items()},
    }
    return {name: warehouse.query(sql) for name, sql in questions.items()}


_ROLLUPS = {"cells": arrow.CELLS, "days": arrow.DAYS, "tag_days": arrow.TAG_DAYS}


def _summed(table: str, schema: pa.Schema) -> str:
    keys = _named([name for name in schema.names if name not in arrow.SUMS.names])
    return f"SELECT {keys}, sum(amount) AS amount, {_SUMS} FROM {table} WHERE org != '' GROUP BY ALL ORDER BY ALL"


def _named(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


@pytest.mark.parametrize("table", ["entries", "ids", "rejects", "receipts", "prices", *_ROLLUPS])
def test_it_holds_the_same(
    ledger_of_one_process: dict[str, Any], ledger_of_a_cluster: dict[str, Any], table: str
) -> None:
    one, other = ledger_of_one_process[table], ledger_of_a_cluster[table]

    assert one.num_rows
    assert other.to_pylist() == one.to_pylist()
