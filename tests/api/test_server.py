"""The server: where it listens, and how it goes down without losing an answer."""

from __future__ import annotations

import asyncio
import socket
import threading

import httpx
import pytest
from fastapi import FastAPI

from outlay_api.server import Server, StartError, in_background, listen, url_of
from outlay_infra.settings import HttpSettings

FREE_PORT = HttpSettings(port=0)


def test_it_serves_on_the_port_it_found_and_stops() -> None:
    app = FastAPI()

    @app.get("/")
    async def hello() -> str:
        return "hello"

    listener = listen(FREE_PORT)
    url = url_of(listener)
    with in_background(Server(app, FREE_PORT, listener)):
        answer = httpx.get(url)
        assert (answer.json(), "server" in answer.headers) == ("hello", False)
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_a_request_under_way_is_answered_before_it_stops() -> None:
    app = FastAPI()
    inside, release = threading.Event(), asyncio.Event()
    loop: list[asyncio.AbstractEventLoop] = []

    @app.get("/")
    async def slow() -> str:
        loop.append(asyncio.get_running_loop())
        inside.set()
        await release.wait()
        return "answered"

    answers: list[str] = []
    listener = listen(FREE_PORT)
    server = Server(app, FREE_PORT, listener)
    with in_background(server):
        url = url_of(listener)
        client = threading.Thread(target=lambda: answers.append(httpx.get(url).json()))
        client.start()
        assert inside.wait(10)
        server.stop()
        loop[0].call_soon_threadsafe(release.set)
        client.join()
    assert answers == ["answered"]


def test_a_port_in_use_is_a_clear_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=rf"cannot listen on 127\.0\.0\.1:{port}: .*http\.port"):
            listen(HttpSettings(port=port))


@pytest.mark.parametrize("host", ["256.1.1.1", "no.such.host.invalid"])
def test_an_address_that_is_not_ours_is_a_clear_error(host: str) -> None:
    with pytest.raises(StartError, match="cannot listen on"):
        listen(HttpSettings(host=host, port=0))


def test_addresses_of_both_families_have_urls() -> None:
    with listen(HttpSettings(host="::1", port=0)) as listener:
        assert url_of(listener).startswith("http://[::1]:")
