"""Errors as RFC 9457 `application/problem+json`: clients key on `type`, people read `detail`.

Raise `Problem` anywhere under a route; everything else that can go wrong is translated here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from outlay_infra.catalog_store import CatalogConflict
from outlay_infra.errors import QueryError, QueryLimit, StoreError
from outlay_streams.runtime.errors import Busy, IntakeError, NotAcknowledged, NotCounted, NotTheWriter

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:outlay:problem:"
RETRY_SECONDS = 5

_ADVICE = {
    404: "nothing is served at this path; the routes are described at /docs and /openapi.json",
    405: "this path does not take that method; the Allow header names those it takes",
}
"""Details where the framework's own say no more than the status."""

_NARROWER = (
    "What narrows it: from, to or period, filter=team:..., fewer dimensions in group_by, limit. Whoever runs the "
    "server can raise query.seconds, query.download_seconds and query.memory_bytes"
)

_log = structlog.get_logger("outlay.api")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a request: what is wrong, and where."""

    detail: str
    pointer: str | None = None
    """Where in the body, as a JSON pointer fragment: `#/prices/0/rates`."""
    parameter: str | None = None
    """Which query parameter, path parameter or header."""

    def document(self) -> dict[str, str]:
        """Return the fault as a member of `errors`."""
        parts = {"detail": self.detail, "pointer": self.pointer, "parameter": self.parameter}
        return {name: value for name, value in parts.items() if value is not None}


class Problem(HTTPException):
    """An answer that is an error. `kind` names the problem type for ever; `detail` tells this caller what to change."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        """Describe the problem; `members` become extension members of the document."""
        super().__init__(status, detail, None if headers is None else dict(headers))
        self.kind = kind
        self.faults = tuple(faults)
        self.members = members

    def document(self, instance: str) -> dict[str, Any]:
        """Return the problem document; `instance` is the path that was asked."""
        return {
            "type": TYPE_PREFIX + self.kind,
            "title": HTTPStatus(self.status_code).phrase,
            "status": self.status_code,
            "detail": self.detail,
            "instance": instance,
            **({"errors": [fault.document() for fault in self.faults]} if self.faults else {}),
            **self.members,
        }

    def response(self, instance: str) -> Response:
        """Return the answer to send."""
        return Response(
            orjson.dumps(self.document(instance)), self.status_code, headers=self.headers, media_type=MEDIA_TYPE
        )


def not_taken_in(error: IntakeError) -> Problem:
    """Return the answer to a producer whose events were not taken in: nothing is lost when it sends them again."""
    if isinstance(error, NotAcknowledged):
        return Problem(503, "not-acknowledged", str(error), headers={"Retry-After": str(RETRY_SECONDS)})
    seconds = max(1, round(error.retry_after)) if isinstance(error, Busy) else RETRY_SECONDS
    kind = {Busy: "busy", NotCounted: "not-counted", NotTheWriter: "not-the-writer"}.get(type(error), "stopping")
    detail = f"{error}; nothing of this request was taken in"
    return Problem(503, kind, detail, headers={"Retry-After": str(seconds)})


def store_away(error: StoreError) -> Problem:
    """Return the answer when the store cannot serve; the cause goes to the log, unless the question asks too much."""
    if isinstance(error, CatalogConflict):
        return Problem(412, "catalog-changed", str(error))
    if isinstance(error, QueryLimit):
        return Problem(400, "query-limit", f"{error}. {_NARROWER}")
    _log.error("store_failed", error=str(error), kind=type(error).__name__)
    if isinstance(error, QueryError):  # statements are ours and values are checked before, so this is our fault
        return internal(None)
    detail = "the ledger's store cannot serve this request now; nothing was changed, try again"
    return Problem(503, "store-unavailable", detail, headers={"Retry-After": str(RETRY_SECONDS)})


def invalid(error: RequestValidationError) -> Problem:
    """Return every fault that validation found: 422 for a body that parses, 400 for parameters and other bodies."""
    faults = [_fault(found) for found in error.errors()]
    about_body = all(found["loc"][0] == "body" and found["type"] != "json_invalid" for found in error.errors())
    status, kind = (422, "invalid-body") if about_body else (400, "invalid-request")
    return Problem(status, kind, "; ".join(_sentence(fault) for fault in faults[:3]), faults=faults)


def from_http(error: HTTPException) -> Problem:
    """Return the problem of an error raised by the framework."""
    if isinstance(error, Problem):
        return error
    phrase = HTTPStatus(error.status_code).phrase
    kind = phrase.lower().replace(" ", "-")
    detail = _ADVICE.get(error.status_code, str(error.detail or phrase))
    return Problem(error.status_code, kind, detail, headers=error.headers)


def internal(reference: str | None) -> Problem:
    """Return the answer to a fault of ours; the log holds the rest under `reference`."""
    detail = "an unexpected fault of the server; its log tells more under this request id"
    members: dict[str, Any] = {"request_id": reference} if reference else {}
    return Problem(500, "internal", detail, **members)


def install(app: FastAPI) -> None:
    """Make `app` answer every error as a problem document."""

    async def answer(request: Request, error: Exception) -> Response:
        return problem_of(error).response(request.url.path)

    for kind in (HTTPException, RequestValidationError, IntakeError, StoreError):
        app.add_exception_handler(kind, answer)


def problem_of(error: Exception) -> Problem:
    """Return the problem document for any error a route may let through."""
    match error:
        case HTTPException():
            return from_http(error)
        case RequestValidationError():
            return invalid(error)
        case IntakeError():
            return not_taken_in(error)
        case StoreError():
            return store_away(error)
        case _:
            return internal(None)


def _fault(found: Mapping[str, Any]) -> Fault:
    place, *path = found["loc"]
    message = str(found["msg"])
    if place == "body":
        inner = [] if found["type"] == "json_invalid" else path
        return Fault(message, pointer="#" + "".join(f"/{_escaped(part)}" for part in inner))
    return Fault(message, parameter=".".join(str(part) for part in path) or str(place))


def _escaped(part: int | str) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


def _sentence(fault: Fault) -> str:
    place = fault.parameter or fault.pointer
    return f"{place}: {fault.detail}" if place else fault.detail
