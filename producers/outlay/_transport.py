"""Where events go: the one seam below the SDK."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from outlay._spool import Spool

if TYPE_CHECKING:
    from outlay._client import Client
    from outlay._result import SendResult


class Transport(Protocol):
    """Takes request bodies; called from one thread at a time."""

    def send(self, body: bytes, events: int, /) -> SendResult:
        """Return what became of each event, once all are durable; NDJSON, each with its id.

        Raises `UndeliveredError` when they may be sent again later and `RefusedError` when the answer was no;
        that costs an event only when its `problem` is of Outlay's own types (`urn:outlay:problem:...`).
        """

    def after_fork(self) -> None:
        """Leave to the parent what is the parent's; this is the child."""

    def close(self) -> None:
        """Let go of connections."""


class HttpTransport:
    """To an Outlay server. One attempt a call: what waits, and how long, is the caller's to say."""

    def __init__(self, url: str, key: str | None, timeout: float) -> None:
        """Keep where to send; the connection is made by the first call."""
        self._url, self._key, self._timeout = url, key, timeout
        self._client: Client | None = None
        self._parents: list[Client] = []

    def send(self, body: bytes, _events: int, /) -> SendResult:
        """Post the body."""
        if self._client is None:
            self._client = _client(self._url, self._key, self._timeout)
        return self._client.send_ndjson(body)

    def after_fork(self) -> None:
        """Open connections of its own. The parent's are kept from being closed, for both ends of them are shared."""
        if self._client is not None:
            self._parents.append(self._client)
            self._client = None

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None


class SpoolTransport:
    """To the spool alone, for a process without a network; another one that has the folder sends them on."""

    def __init__(self, spool: Spool) -> None:
        """Write to `spool`."""
        self._spool = spool

    def send(self, body: bytes, events: int, /) -> SendResult:
        """Append the body; raise `UndeliveredError` when the disk or the folder is full."""
        from outlay._errors import UndeliveredError  # noqa: PLC0415 - the SDK is imported without httpx
        from outlay._result import SendResult  # noqa: PLC0415
        from outlay_schemas.outcome import ACCEPTED  # noqa: PLC0415

        if not self._spool.append(body):
            raise UndeliveredError(f"the spool in {self._spool.folder} has no room")
        return SendResult((ACCEPTED,) * events)

    def after_fork(self) -> None:
        """Write to a file of its own."""
        self._spool.after_fork()

    def close(self) -> None:
        """Close the file."""
        self._spool.close()


class MemoryTransport:
    """To a list, for tests."""

    def __init__(self) -> None:
        """Start empty."""
        self._bodies: list[bytes] = []
        self._lock = threading.Lock()

    @property
    def lines(self) -> list[bytes]:
        """The events sent, as JSON."""
        with self._lock:
            return [line for body in self._bodies for line in body.splitlines()]

    def send(self, body: bytes, events: int, /) -> SendResult:
        """Keep the body."""
        from outlay._result import SendResult  # noqa: PLC0415 - the SDK is imported without httpx
        from outlay_schemas.outcome import ACCEPTED  # noqa: PLC0415

        with self._lock:
            self._bodies.append(body)
        return SendResult((ACCEPTED,) * events)

    def after_fork(self) -> None:
        """Start empty: what the parent sent is the parent's."""
        self._bodies, self._lock = [], threading.Lock()

    def close(self) -> None:
        """Keep what was sent, to be looked at."""


def _client(url: str, key: str | None, timeout: float) -> Client:
    import httpx  # noqa: PLC0415 - the SDK is imported without it

    from outlay._client import Client  # noqa: PLC0415
    from outlay._retry import Retry  # noqa: PLC0415

    waits = httpx.Timeout(timeout, connect=min(timeout, 5.0))
    return Client(url, key, retry=Retry(attempts=1), timeout=waits)
