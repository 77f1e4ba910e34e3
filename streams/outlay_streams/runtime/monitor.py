"""Health and metrics of a worker, over HTTP: `/livez`, `/readyz`, `/metrics`.

A worker is alive while it makes progress: it says so at every turn, idle or not, and a turn that never ends is a reason
to start it again.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from outlay_infra.settings import MonitorSettings

STALLED_SECONDS = 120.0

Checks = Mapping[str, Callable[[], str | None]]
"""What must hold, by name: each returns None when it does, else the reason why not."""


class Progress:
    """When a worker last turned."""

    def __init__(self, *, patience: float = STALLED_SECONDS) -> None:
        """Count from now."""
        self._patience = patience
        self._last = monotonic()

    def turn(self) -> None:
        """Say that the worker goes on."""
        self._last = monotonic()

    def stalled(self) -> str | None:
        """Return why the worker counts as stuck, None while it does not."""
        since = monotonic() - self._last
        return f"no progress for {since:.0f} s" if since > self._patience else None


@contextmanager
def monitored(settings: MonitorSettings, registry: CollectorRegistry, *, live: Checks, ready: Checks) -> Iterator[str]:
    """Serve until the context ends, and yield the URL. Raises `OSError` when the address cannot be had."""
    pages = {"/livez": live, "/readyz": {**live, **ready}}

    class Handler(BaseHTTPRequestHandler):
        """Answers one request."""

        def do_GET(self) -> None:
            """Answer."""
            path = self.path.partition("?")[0]
            if path == "/metrics":
                self._send(HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest(registry))
            elif path in pages:
                failing = {name: reason for name, check in pages[path].items() if (reason := check()) is not None}
                status = HTTPStatus.SERVICE_UNAVAILABLE if failing else HTTPStatus.OK
                document = {"status": "failing" if failing else "ok", "failing": failing}
                self._send(status, "application/json", json.dumps(document).encode())
            else:
                self._send(HTTPStatus.NOT_FOUND, "text/plain", b"/livez, /readyz and /metrics are here\n")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's signature
            """Log nothing: health checks never are."""

        def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer((settings.host, settings.port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="monitor", daemon=True)
    thread.start()
    try:
        yield f"http://{settings.host}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
