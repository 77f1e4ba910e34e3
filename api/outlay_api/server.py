"""Serving the application: one listening socket, one graceful way down.

On SIGTERM or SIGINT: not ready, no new connections, open requests are finished, what is queued is written, the store is
closed. A second signal stops at once; what was acknowledged is durable all the same.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from fastapi import FastAPI

from outlay_api.services import Services
from outlay_infra.interpreter import collecting_seldom, handing_over_soon
from outlay_infra.settings import HttpSettings

_BACKLOG = 2048


class StartError(RuntimeError):
    """The server cannot start with these settings; the message says what to change."""


class Server(uvicorn.Server):
    """Uvicorn over a socket that is bound already, telling once it listens and once it is asked to stop."""

    def __init__(
        self, app: FastAPI, settings: HttpSettings, listener: socket.socket, stopping: threading.Event | None = None
    ) -> None:
        """Prepare; `stopping` is set as soon as the server is asked to stop.

        Raises `StartError` when others could reach an application that no key protects.
        """
        _refuse_open_door(app, settings)
        super().__init__(
            uvicorn.Config(
                app,
                loop="auto",
                http="auto",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=settings.shutdown_seconds,
            )
        )
        self._listener = listener
        self._stopping = stopping or threading.Event()
        self._tell: list[Callable[[], None]] = []

    def when_listening(self, tell: Callable[[], None]) -> None:
        """Call `tell` once requests are answered."""
        self._tell.append(tell)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler
        """Stop on a signal, at once on the second.

        Uvicorn raises signals again once it is down, which would end the process before what is queued is written.
        """
        self.force_exit = self.should_exit
        self.stop()

    def stop(self) -> None:
        """Ask the server to stop, from any thread."""
        self._stopping.set()
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        for tell in self._tell:
            tell()

    def serve_until_stopped(self) -> None:
        """Serve; return once every open request is answered."""
        with collecting_seldom(), handing_over_soon():
            self.run([self._listener])


def _refuse_open_door(app: FastAPI, settings: HttpSettings) -> None:
    services: Services | None = getattr(app.state, "services", None)
    if services is not None and services.keys.empty and not settings.loopback:
        raise StartError(
            f"http.host {settings.host} is open to others and no API key exists; make one first "
            f"(outlay keys create NAME --scope admin), or listen on 127.0.0.1"
        )


def listen(settings: HttpSettings) -> socket.socket:
    """Return a socket bound to the configured address; raise `StartError` when that is impossible."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host.strip("[]"), settings.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        raise StartError(f"cannot listen on {where}: {error.strerror or error}; set http.host and http.port") from None


def url_of(listener: socket.socket) -> str:
    """Return the URL of a bound socket, with the port it really has."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def in_background(server: Server) -> Iterator[None]:
    """Run `server` in a thread while the context is open, and stop it gracefully after."""
    listening = threading.Event()
    server.when_listening(listening.set)
    thread = threading.Thread(target=server.serve_until_stopped, name="http", daemon=True)
    thread.start()
    try:
        while not listening.wait(0.05):
            if not thread.is_alive():
                raise StartError("the server stopped while it started; its log says why")
        yield
    finally:
        server.stop()
        thread.join()
