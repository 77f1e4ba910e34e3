"""The whole of Outlay over one embedded store, asked through its HTTP API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from outlay_api.app import create_app
from outlay_api.compose import running
from outlay_infra.clock import SystemClock
from outlay_infra.settings import Settings
from outlay_infra.warehouse import Warehouse

BASE = "http://localhost:8321"


@pytest.fixture
async def transport(warehouse: Warehouse, tmp_path: Path) -> AsyncIterator[httpx.ASGITransport]:
    """The application over a fresh database, called in this process."""
    with running(Settings.load(data=tmp_path), warehouse, generation=1, clock=SystemClock()) as services:
        yield httpx.ASGITransport(app=create_app(services))


@pytest.fixture
async def http(transport: httpx.ASGITransport) -> AsyncIterator[httpx.AsyncClient]:
    """A caller on the server's own machine."""
    async with httpx.AsyncClient(transport=transport, base_url=BASE, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def traces() -> Path:
    """The folder of the public traces, which lies beside the repository and is not part of it."""
    for above in Path(__file__).resolve().parents:
        folder = above / "shared" / "data"
        if (folder / "azure-llm-trace-2023-conv.csv").is_file():
            return folder
    pytest.skip("the Azure LLM inference traces are not there: ../shared/data/azure-llm-trace-2023-{conv,code}.csv")


def instant(text: str) -> datetime:
    """Read a time of the traces: UTC with seven digits of fraction."""
    whole, _, fraction = text.partition(".")
    return datetime.fromisoformat(whole).replace(tzinfo=UTC, microsecond=int(fraction[:6].ljust(6, "0")))
