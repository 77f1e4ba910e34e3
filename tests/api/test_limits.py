"""Limits on bodies: by declared length, by what really arrives, and by time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request

from outlay_api.http import problems
from outlay_api.http.limits import BodyLimits


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI()
    problems.install(app)
    app.add_middleware(BodyLimits, max_bytes=10, max_seconds=0.05)

    @app.post("/size")
    async def size(request: Request) -> int:
        return len(await request.body())

    @app.post("/ignore")
    async def ignore() -> str:
        return "done"

    return app


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        yield client


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_a_body_of_the_limit_passes(http: httpx.AsyncClient) -> None:
    assert (await http.post("/size", content=b"x" * 10)).json() == 10
    assert (await http.post("/size", content=pieces(b"x" * 5, b"x" * 5))).json() == 10


async def test_a_larger_body_is_refused_by_its_declared_length(http: httpx.AsyncClient) -> None:
    answer = await http.post("/size", content=b"x" * 11)
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:outlay:problem:body-too-large")
    assert answer.json()["limit"] == 10


async def test_a_larger_body_without_length_is_refused_once_it_is_too_large(http: httpx.AsyncClient) -> None:
    answer = await http.post("/size", content=pieces(b"x" * 6, b"x" * 6))
    assert answer.status_code == 413


async def test_a_slow_body_is_refused(app: FastAPI) -> None:
    sent = []

    async def never_ends() -> dict[str, object]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/size",
        "headers": [],
        "query_string": b"",
        "server": ("localhost", 80),
        "client": ("127.0.0.1", 1),
        "scheme": "http",
        "root_path": "",
        "http_version": "1.1",
    }
    await app(scope, never_ends, send)
    assert sent[0]["status"] == 408


async def test_a_body_nobody_reads_does_no_harm(http: httpx.AsyncClient) -> None:
    assert (await http.post("/ignore", content=b"x" * 11)).json() == "done"
