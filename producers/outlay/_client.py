"""Clients that send usage events over HTTP, blocking and asynchronous."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from importlib.metadata import version
from types import TracebackType
from typing import Self

import httpx

from outlay._delivery import ExhaustedError, Pause, Post, Reply, delivery
from outlay._errors import OutlayError, UndeliveredError
from outlay._result import SendResult
from outlay._retry import Retry
from outlay._wire import NDJSON, PATH, Event, batches, decode, encode

BATCH = 1_000
"""Events in one request, unless the caller says otherwise."""

TIMEOUT = httpx.Timeout(30.0, connect=5.0)


class Client:
    """A blocking client; usable from several threads, and as a context manager.

    A batch is tried again, with the same ids, while the server is busy (429, 503) or out of reach.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        retry: Retry | None = None,
        timeout: httpx.Timeout = TIMEOUT,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Keep where to send and how hard to try; `transport` replaces the network."""
        self._http = httpx.Client(base_url=url, headers=_headers(key), timeout=timeout, transport=transport)
        self._retry = retry or Retry()

    def send(self, events: Iterable[Event], *, batch: int = BATCH) -> SendResult:
        """Send the events and return what became of each, once all are durable.

        An event without an id gets one. Raises `RefusedError` and `UndeliveredError` (see `outlay.OutlayError`).
        """
        result = SendResult()
        pending = batches(events, batch)
        for group in pending:
            try:
                result += self.send_ndjson(encode(group))
            except OutlayError as failure:
                failure.result, failure.unsent = result, [*group, *(event for rest in pending for event in rest)]
                raise
        return result

    def send_ndjson(self, body: bytes) -> SendResult:
        """Send events that are already encoded, one JSON object a line, each with its id; at most 10,000."""
        conversation = delivery(body, self._retry)
        reply: Reply = None
        while True:
            try:
                step = conversation.send(reply)
            except StopIteration as end:
                return decode(end.value.content)
            except ExhaustedError as failure:
                raise UndeliveredError(str(failure), failure.asked) from None
            match step:
                case Pause(seconds):
                    time.sleep(seconds)
                    reply = None
                case Post(content):
                    try:
                        reply = self._http.post(PATH, content=content)
                    except httpx.TransportError as error:
                        reply = error

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient:
    """The same for asyncio; several `send` calls may be in flight at once."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        retry: Retry | None = None,
        timeout: httpx.Timeout = TIMEOUT,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Keep where to send and how hard to try; `transport` replaces the network."""
        self._http = httpx.AsyncClient(base_url=url, headers=_headers(key), timeout=timeout, transport=transport)
        self._retry = retry or Retry()

    async def send(self, events: Iterable[Event], *, batch: int = BATCH) -> SendResult:
        """Send the events and return what became of each, once all are durable; see `Client.send`."""
        result = SendResult()
        pending = batches(events, batch)
        for group in pending:
            try:
                result += await self.send_ndjson(encode(group))
            except OutlayError as failure:
                failure.result, failure.unsent = result, [*group, *(event for rest in pending for event in rest)]
                raise
        return result

    async def send_ndjson(self, body: bytes) -> SendResult:
        """Send events that are already encoded, one JSON object a line, each with its id; at most 10,000."""
        conversation = delivery(body, self._retry)
        reply: Reply = None
        while True:
            try:
                step = conversation.send(reply)
            except StopIteration as end:
                return decode(end.value.content)
            except ExhaustedError as failure:
                raise UndeliveredError(str(failure), failure.asked) from None
            match step:
                case Pause(seconds):
                    await asyncio.sleep(seconds)
                    reply = None
                case Post(content):
                    try:
                        reply = await self._http.post(PATH, content=content)
                    except httpx.TransportError as error:
                        reply = error

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _headers(key: str | None) -> dict[str, str]:
    headers = {"user-agent": f"outlay-python/{version('outlay')}", "content-type": NDJSON, "accept": "application/json"}
    return headers if key is None else {**headers, "authorization": f"Bearer {key}"}
