"""One server writes to a store, whatever its data folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from outlay_api.app import create_app
from outlay_api.compose import embedded, running
from outlay_infra.errors import StoreInUse
from outlay_infra.settings import Settings
from outlay_infra.warehouse import Warehouse
from tests.api.conftest import ManualClock, event
from tests.support import clickhouse_front


async def count(settings: Settings, number: int) -> tuple[list[str], int]:
    with embedded(settings) as services:
        app = create_app(services)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
            answer = await http.post("/v1/events", json=[event(1), event(number)])
        assert answer.status_code == 200, answer.text
        blocks = services.warehouse.query("SELECT DISTINCT block FROM ledger ORDER BY block")["block"].to_pylist()
        return [f"{block >> 32}" for block in blocks], services.warehouse.query("SELECT id FROM ledger").num_rows


@pytest.mark.parametrize("server", [False, True], ids=["embedded", "http"])
async def test_a_second_server_on_a_store_is_refused_until_the_first_ends(
    open_warehouse: Callable[..., Warehouse], engine_dsn: str, tmp_path: Path, *, server: bool
) -> None:
    database = open_warehouse(migrated=False).database
    with clickhouse_front.serve(engine_dsn.removeprefix("chdb://")) as port:
        store = f"clickhouse://127.0.0.1:{port}" if server else engine_dsn
        one, two = (Settings(data=tmp_path / name, store=store, database=database) for name in ("one", "two"))
        with (
            embedded(one),
            pytest.raises(StoreInUse, match="writes to this store"),
            embedded(two),
        ):
            pass
        assert (await count(two, 2))[1] == 2
        generations, entries = await count(one, 3)
        assert entries == 3
        assert len(set(generations)) == 2


async def test_a_server_that_may_not_write_says_so_and_counts_nothing(warehouse: Warehouse, tmp_path: Path) -> None:
    may = True
    settings = Settings.load(data=tmp_path)
    with running(settings, warehouse, generation=1, clock=ManualClock(), may_write=lambda: may) as services:
        app = create_app(services)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
            assert (await http.post("/v1/events", json=event(1))).status_code == 200
            may = False
            answer = await http.post("/v1/events", json=event(2))
            assert (answer.status_code, answer.json()["type"]) == (503, "urn:outlay:problem:not-the-writer")
            assert "retry-after" in answer.headers
            assert (await http.get("/readyz")).status_code == 503
            may = True
            assert (await http.post("/v1/events", json=event(2))).status_code == 200
    assert warehouse.query("SELECT id FROM ledger").num_rows == 2


async def test_a_warehouse_that_may_not_be_written_is_not_mended(warehouse: Warehouse) -> None:
    warehouse.may_write = lambda: False
    with pytest.raises(StoreInUse, match="another process may write"):
        warehouse.repair("days", "202611")
