"""The scope of a request, for FastAPI, Starlette and every other ASGI application.

>>> app.add_middleware(  # doctest: +SKIP
...     outlay.asgi.RequestScope,
...     headers={"x-team": "team", "x-customer": "customer"},
...     labels=lambda request: {"route": request["path"]},
... )
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from outlay._scope import scope
from outlay._sdk import PROCESS

__all__ = ["RequestScope"]

Request = MutableMapping[str, Any]
"""The ASGI connection scope: `path`, `headers`, `state`, ..."""
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_App = Callable[[Request, _Receive, _Send], Awaitable[None]]


class RequestScope:
    """Middleware that says whose the usage of each request is, whatever threads and tasks it spreads over.

    A caller writes its own headers: name those that a gateway of yours sets, or that you have no reason to doubt.
    """

    def __init__(
        self,
        app: _App,
        *,
        headers: Mapping[str, str] | None = None,
        labels: Callable[[Request], Mapping[str, object]] | None = None,
    ) -> None:
        """Take labels from headers, by name of header, and from what `labels` says of a request; the latter win."""
        self._app = app
        self._headers = {name.lower().encode("latin-1"): label for name, label in (headers or {}).items()}
        self._labels = labels

    async def __call__(self, request: Request, receive: _Receive, send: _Send) -> None:
        """Run the application in the scope of the request."""
        if request["type"] not in {"http", "websocket"}:
            return await self._app(request, receive, send)
        with self._scope(request):
            return await self._app(request, receive, send)

    def _scope(self, request: Request) -> scope:
        found: dict[str, object] = {}
        for name, value in request.get("headers", ()):
            if (label := self._headers.get(name)) is not None:
                found[label] = value.decode("latin-1")
        if self._labels is not None:
            try:
                return scope(**{**found, **self._labels(request)})
            except Exception as error:  # noqa: BLE001 - metering must not fail what it meters
                PROCESS.notices.tell("labels", "the labels of a request cannot be read: %r", error)
        return scope(**found)
