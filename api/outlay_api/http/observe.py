"""Around every request: request id, access log, metrics, security headers, and the last catch for faults of ours."""

from __future__ import annotations

import re
from time import perf_counter
from uuid import uuid4

import structlog
from asgi_correlation_id.context import correlation_id
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from outlay_api.http.problems import internal
from outlay_infra.metrics import Metrics

QUIET = frozenset({"/livez", "/readyz", "/healthz", "/metrics"})
"""Paths asked all the time by machines; logged only when they fail."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_TRACE_PARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"})
_PAGES = ("/docs", "/static-offline-docs")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}
_DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
_PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; "
    "frame-ancestors 'none'"
)

_log = structlog.get_logger("outlay.access")


def safe_request_id(sent: str) -> str:
    """Return the caller's request id, or a new one when it could break a log or a header."""
    return sent if _REQUEST_ID.fullmatch(sent) else uuid4().hex


class Observe:
    """ASGI middleware, outside everything but the request id."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, access_log: bool) -> None:
        """Wrap `app`."""
        self._app = app
        self._metrics = metrics
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request and note how that went."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = perf_counter(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _protect(MutableHeaders(scope=message), scope["path"])
            await send(message)

        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=correlation_id.get(), **_trace(scope))
        try:
            await self._app(scope, receive, noted)
        except Exception:
            _log.exception("request_failed", method=scope["method"], path=scope["path"])
            if status:
                raise
            await internal(correlation_id.get()).response(scope["path"])(scope, receive, noted)
        finally:
            self._note(scope, status, perf_counter() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.http_requests.labels(method, route, f"{status // 100}xx").inc()
        self._metrics.http_duration.labels(route).observe(seconds)
        if self._access_log and (scope["path"] not in QUIET or status >= 500):
            _log.info("request", method=method, path=scope["path"], status=status, seconds=round(seconds, 6))


def _protect(headers: MutableHeaders, path: str) -> None:
    for name, value in _HEADERS.items():
        headers[name] = value
    page = path.startswith(_PAGES)
    headers["Content-Security-Policy"] = _PAGE_POLICY if page else _DATA_POLICY
    if not page:
        headers.setdefault("Cache-Control", "no-store")


def _trace(scope: Scope) -> dict[str, str]:
    """Return the caller's W3C trace context, for the log."""
    for name, value in scope["headers"]:
        if name == b"traceparent" and (found := _TRACE_PARENT.fullmatch(value)):
            return {"trace_id": found[1].decode(), "span_id": found[2].decode()}
    return {}
