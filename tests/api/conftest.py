"""The whole API over the real embedded stack, called in process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from outlay_api.app import create_app
from outlay_api.compose import running
from outlay_api.services import Services
from outlay_infra.settings import Settings
from outlay_infra.warehouse import Warehouse

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


class ManualClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, instant: datetime = NOW) -> None:
        self.instant = instant

    def now(self) -> datetime:
        return self.instant


Compose = Callable[..., Any]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def compose(warehouse: Warehouse, clock: ManualClock, tmp_path: Path) -> Compose:
    """Start the services over a fresh database, with settings of the test's choice."""

    @contextmanager
    def start(generation: int = 1, **settings: Any) -> Iterator[Services]:
        chosen = Settings.load(data=tmp_path, **settings)
        with running(chosen, warehouse, generation=generation, clock=clock) as services:
            yield services

    return start


@pytest.fixture
def services(compose: Compose) -> Iterator[Services]:
    with compose() as started:
        yield started


@pytest.fixture
def app(services: Services) -> FastAPI:
    return create_app(services)


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A caller on the server's own machine."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8321") as client:
        yield client


def event(number: int = 1, **changed: Any) -> dict[str, Any]:
    """Return a valid usage event as JSON values."""
    return {
        "id": f"call-{number}",
        "source": "urn:example:search-api",
        "time": "2026-11-24T10:15:30.125Z",
        "provider": "openai",
        "model": "gpt-4o",
        "quantities": {"input_tokens": 386, "output_tokens": 412},
        "team": "search",
        **changed,
    }
