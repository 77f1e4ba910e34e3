"""From a metered call to an amount in the ledger: the SDK in front of a whole Outlay over an embedded store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

import outlay
from outlay_api.app import create_app
from outlay_api.compose import running
from outlay_infra.clock import SystemClock
from outlay_infra.settings import Settings
from outlay_infra.warehouse import Warehouse

BASE = "http://localhost:8321"
GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "extract").glob("*.json"))


class InProcess:
    """Sends to an application in this process, from the SDK's own thread."""

    def __init__(self, app: httpx.AsyncBaseTransport) -> None:
        self._client = outlay.AsyncClient(BASE, transport=app)
        self._loop = asyncio.get_running_loop()

    def send(self, body: bytes, _events: int, /) -> outlay.SendResult:
        return asyncio.run_coroutine_threadsafe(self._client.send_ndjson(body), self._loop).result(60)

    def after_fork(self) -> None:
        """Never is."""

    def close(self) -> None:
        """Leave the application to its fixture."""


@pytest.fixture
async def http(warehouse: Warehouse, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    with running(Settings.load(data=tmp_path), warehouse, generation=1, clock=SystemClock()) as services:
        app = httpx.ASGITransport(app=create_app(services))
        outlay.init(transport=InProcess(app), spool="off", app="support")
        async with httpx.AsyncClient(transport=app, base_url=BASE, timeout=60) as client:
            yield client


async def test_a_call_becomes_its_exact_amount(http: httpx.AsyncClient) -> None:
    usage: dict[str, Any] = {
        "input_tokens": 100,
        "cache_read_input_tokens": 1000,
        "cache_creation_input_tokens": 500,
        "cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 300},
        "output_tokens": 50,
    }
    with outlay.scope(team="support", ticket="T-1"):
        message = {"type": "message", "id": "msg_1", "model": "claude-sonnet-4-5-20250929", "usage": usage}
        outlay.track_response(message, "anthropic")
    assert await outlay.aflush(60)
    spend = (await http.get("/v1/spend", params={"group_by": "team,app,tags.ticket"})).raise_for_status().json()
    (row,) = spend["data"]
    assert (row["team"], row["app"]) == ("support", "support")
    assert Decimal(row["amount"]) == Decimal("0.00390")


async def test_every_documented_answer_is_accepted(http: httpx.AsyncClient) -> None:
    expected = 0
    for file in GOLDEN:
        case = json.loads(file.read_text())
        expected += len(case["used"])
        if "stream" in case:
            list(outlay.metered(case["provider"], model=case.get("model"))(_replay)(case["stream"]))
        else:
            outlay.track_response(case["response"], case["provider"], model=case.get("model"))
    assert await outlay.aflush(60)
    stats = outlay.stats()
    assert (stats.accepted, stats.duplicate, stats.refused, stats.invalid) == (expected, 0, 0, 0)


def _replay(chunks: list[Any]) -> Any:
    yield from chunks
