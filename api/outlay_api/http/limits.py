"""Limits on the bodies of requests: how large they may be and how long they may take to arrive.

Held while the body streams in, so a sender cannot fill memory or hold a connection by lying about its length.
"""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from outlay_api.http.problems import Problem


class BodyLimits:
    """ASGI middleware: 413 for a body above `max_bytes` as sent, 408 for one that takes longer than `max_seconds`."""

    def __init__(self, app: ASGIApp, *, max_bytes: int, max_seconds: float) -> None:
        """Wrap `app`."""
        self._app = app
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, its body counted and timed."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = asyncio.get_running_loop().time()
        declared = _declared_length(scope)
        taken, complete = 0, False

        async def limited() -> Message:
            nonlocal taken, complete
            if complete:
                return await receive()
            if declared > self._max_bytes:
                raise self._too_large()
            try:
                async with asyncio.timeout_at(started + self._max_seconds):
                    message = await receive()
            except TimeoutError:
                raise self._too_slow() from None
            taken += len(message.get("body", b""))
            if taken > self._max_bytes:
                raise self._too_large()
            complete = not message.get("more_body", False)
            return message

        await self._app(scope, limited, send)

    def _too_large(self) -> Problem:
        detail = f"the body is larger than {self._max_bytes} bytes; send the events in several requests"
        return Problem(413, "body-too-large", detail, headers={"Connection": "close"}, limit=self._max_bytes)

    def _too_slow(self) -> Problem:
        detail = f"the body did not arrive within {self._max_seconds:g} s; send less at once"
        return Problem(408, "body-too-slow", detail, headers={"Connection": "close"})


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
