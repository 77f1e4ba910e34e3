"""A far end on loopback that behaves as told: takes events, hangs, is busy, answers nonsense, or goes away."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behaviour = Callable[[list[dict[str, Any]]], tuple[int, bytes]]


PROBLEM = "urn:outlay:problem:"


def problem(status: int, kind: str) -> tuple[int, bytes]:
    """A refusal in Outlay's own words."""
    return status, json.dumps({"type": PROBLEM + kind, "title": "No", "status": status}).encode()


class FarEnd:
    """Counts every event once, by source and id, as the intake does."""

    def __init__(self) -> None:
        self.behaviour: Behaviour | None = None
        self.requests = 0
        self.keys: set[str | None] = set()
        self.received: Counter[tuple[str, str]] = Counter()
        self.events: dict[tuple[str, str], dict[str, Any]] = {}
        self.changed = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def take(self, events: list[dict[str, Any]]) -> tuple[int, bytes]:
        """Take the events and answer as the intake does."""
        rows = []
        with self.changed:
            for index, event in enumerate(events):
                who = (event["source"], event["id"])
                self.received[who] += 1
                if who in self.events:
                    rows.append({"index": index, "id": event["id"], "outcome": "duplicate"})
                self.events.setdefault(who, event)
            self.changed.notify_all()
        counts = {"accepted": len(events) - len(rows), "duplicate": len(rows), "conflict": 0, "rejected": 0}
        return 200, json.dumps({**counts, "events": rows}).encode()

    def answer(self, body: bytes, key: str | None) -> tuple[int, bytes]:
        events = [json.loads(line) for line in body.splitlines()]
        with self.changed:
            self.requests += 1
            self.keys.add(key)
            self.changed.notify_all()
        return (self.behaviour or self.take)(events)

    def wait_for(self, events: int) -> bool:
        """Wait until so many different events were taken."""
        with self.changed:
            return self.changed.wait_for(lambda: len(self.events) >= events, timeout=60)

    def wait_for_requests(self, requests: int) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: self.requests >= requests, timeout=60)

    @property
    def models(self) -> list[str]:
        """What was used, in the order taken."""
        return [event["model"] for event in self.events.values()]

    @contextmanager
    def serving(self) -> Iterator[FarEnd]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away: tests kill them."""


def _handler(far_end: FarEnd) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, answer = far_end.answer(body, self.headers.get("authorization"))
            self.send_response(status)
            if PROBLEM.encode() in answer:
                self.send_header("content-type", "application/problem+json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_args: Any) -> None:
            """Keep quiet."""

    return Handler
