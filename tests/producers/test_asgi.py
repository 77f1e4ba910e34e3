"""The scope of a request in a real FastAPI application: headers, threads, tasks, streams and errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, MutableMapping
from typing import Any

import fastapi
import httpx
import pytest
from fastapi.responses import StreamingResponse

import outlay
from outlay.asgi import RequestScope
from outlay.testing import Captured, capture


def use(model: str) -> None:
    outlay.track("openai", model, {"input_tokens": 1})


def application() -> fastapi.FastAPI:
    app = fastapi.FastAPI()

    @app.get("/coroutine")
    async def coroutine() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(asyncio.to_thread(use, "thread"))
        use("coroutine")

    @app.get("/function")
    def function() -> None:
        use("function")

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[str]:
            yield "a"
            use("stream")

        return StreamingResponse(parts())

    @app.get("/error")
    async def error() -> None:
        use("error")
        raise fastapi.HTTPException(418)

    return app


def labels(request: MutableMapping[str, Any]) -> Mapping[str, object]:
    return {"route": request["path"], "user": None if request["path"] == "/function" else "u-17"}


@pytest.fixture
def usage() -> Iterator[Captured]:
    with capture() as captured:
        yield captured


async def get(path: str, app: Any, **headers: str) -> int:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
        return (await client.get(path, headers=headers)).status_code


@pytest.mark.parametrize("path", ["/coroutine", "/function", "/stream", "/error"])
async def test_says_whose_a_request_is_wherever_it_goes(usage: Captured, path: str) -> None:
    app = application()
    app.add_middleware(RequestScope, headers={"X-Team": "team", "X-Customer": "customer"}, labels=labels)
    status = await get(path, app, **{"x-team": "search", "x-customer": "acme", "x-other": "no"})
    assert status == (418 if path == "/error" else 200)
    assert usage.events
    for event in usage.events:
        assert event.team == "search"
        assert event.user == (None if path == "/function" else "u-17")
        assert event.tags == {"customer": "acme", "route": path}


async def test_requests_at_once_keep_their_own(usage: Captured) -> None:
    app = RequestScope(application(), headers={"x-team": "team"})
    await asyncio.gather(*(get("/coroutine", app, **{"x-team": f"t{number}"}) for number in range(20)))
    assert sorted(event.team or "" for event in usage.events) == sorted(
        f"t{number}" for number in range(20) for _ in "ab"
    )


async def test_labels_that_cannot_be_read_fail_no_request(usage: Captured) -> None:
    def broken(_request: object) -> Mapping[str, object]:
        raise KeyError("user")

    app = RequestScope(application(), headers={"x-team": "team"}, labels=broken)
    assert await get("/function", app, **{"x-team": "search"}) == 200
    assert [event.team for event in usage.events] == ["search"]


async def test_an_empty_header_says_nothing(usage: Captured) -> None:
    app = RequestScope(application(), headers={"x-team": "team", "x-customer": "customer"})
    assert await get("/function", app, **{"x-team": "", "x-customer": ""}) == 200
    assert [(event.team, event.tags) for event in usage.events] == [(None, {})]


async def test_labels_without_names_fail_no_request(usage: Captured) -> None:
    app = RequestScope(application(), headers={"x-team": "team"}, labels=lambda _request: {1: "x"})  # type: ignore[dict-item]
    assert await get("/function", app, **{"x-team": "search"}) == 200
    assert [event.team for event in usage.events] == ["search"]


async def test_the_start_of_an_application_is_no_request() -> None:
    seen: list[str] = []

    async def app(request: MutableMapping[str, Any], _receive: object, _send: object) -> None:
        seen.append(request["type"])

    await RequestScope(app)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
    assert seen == ["lifespan"]
