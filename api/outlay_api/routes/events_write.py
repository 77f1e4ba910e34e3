"""Intake: usage events in, the outcome of each out, once all are durable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from time import perf_counter
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.datastructures import Headers

from outlay_api.auth.dependencies import Caller, Provided, require
from outlay_api.decoding import Decoding
from outlay_api.documents.intake import REQUEST_BODY
from outlay_api.documents.operations import IntakeAnswer
from outlay_api.http.openapi import problem
from outlay_api.http.problems import Fault, Problem, problem_of
from outlay_api.services import Services
from outlay_schemas.outcome import Outcome, Verdict
from outlay_streams.decode import (
    Decoded,
    DecodeError,
    Limits,
    MalformedBody,
    TooLarge,
    UnsupportedContent,
    decode,
    decompress,
)

_INLINE_BYTES = 32 * 1024
"""Bodies up to this size are decoded at once; larger ones in the decoding thread, so that none is held up.

So are compressed ones of any size, which tells nothing of how much comes out.
"""

_REFUSALS: dict[type[DecodeError], tuple[int, str]] = {
    MalformedBody: (400, "malformed-body"),
    TooLarge: (413, "body-too-large"),
    UnsupportedContent: (415, "unsupported-content"),
}

_REFUSED_ALONE = {
    Verdict.CONFLICT: (409, "event-conflict"),
    Verdict.REJECTED: (422, "event-rejected"),
}

router = APIRouter(tags=["intake"])


@router.post(
    "/v1/events",
    operation_id="sendEvents",
    response_model=IntakeAnswer,
    responses=problem(409),
    openapi_extra={"requestBody": REQUEST_BODY},
)
async def send_events(
    request: Request,
    services: Provided,
    caller: Annotated[Caller, Depends(require("ingest"))],
    detail: Annotated[Literal["refused", "all"], Query(description="`all` lists accepted events too.")] = "refused",
) -> Response:
    """Take in usage events; answer when they are durable.

    Of several events a bad one never fails the others: the answer is 200 with the outcome of each, and none needs to
    be sent again. An event that is sent alone as one JSON object or CloudEvent answers for itself: 409 when its id was
    used for other content, 422 when it is invalid. After 503 nothing was taken in: send the same events, with the same
    ids, again.
    """
    started = perf_counter()
    try:
        decoded, alone = await _decoded(request, services, caller.org)
        outcomes = await services.publisher.publish(caller.org, decoded)
    except Exception as error:
        refusal = problem_of(error)
        services.metrics.ingest_refused.labels(refusal.kind).inc()
        raise
    counts = Counter(outcome.verdict for outcome in outcomes)
    for verdict, count in counts.items():
        services.metrics.events_received.labels(verdict.value).inc(count)
    services.metrics.ingest_duration.observe(perf_counter() - started)
    if alone and outcomes[0].verdict in _REFUSED_ALONE:
        raise _refused(outcomes[0])
    answer = {verdict.value: counts[verdict] for verdict in Verdict}
    return _json(answer | {"events": list(_listed(outcomes, everything=detail == "all"))})


@router.options("/v1/events", include_in_schema=False)
async def greet_webhook(request: Request) -> Response:
    """Answer the handshake of CloudEvents senders (HTTP 1.1 Web Hooks for Event Delivery, section 4)."""
    origin = request.headers.get("webhook-request-origin")
    allowed = {} if origin is None else {"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"}
    return Response(status_code=204, headers={"Allow": "GET, OPTIONS, POST", **allowed})


async def _decoded(request: Request, services: Services, org: str) -> tuple[Decoded, bool]:
    """Return the decoded body, and whether it was one event rather than a batch."""
    body = await request.body()
    work = partial(_decode, body, request.headers, services, org)
    try:
        if len(body) <= _INLINE_BYTES and not request.headers.get("content-encoding"):
            return work()
        decoding: Decoding = request.app.state.decoding
        return await decoding.run(work, len(body))
    except DecodeError as error:
        status, kind = _REFUSALS[type(error)]
        raise Problem(status, kind, str(error)) from None


def _decode(body: bytes, headers: Headers, services: Services, org: str) -> tuple[Decoded, bool]:
    intake = services.settings.intake
    content_type = headers.get("content-type", "")
    plain = decompress(body, encoding=headers.get("content-encoding", ""), limit=intake.body_bytes)
    decoded = decode(
        plain,
        content_type=content_type,
        org=org,
        now=services.clock.now(),
        headers=headers,
        limits=Limits(body_bytes=intake.body_bytes, events=intake.events),
    )
    lines = "nd" in content_type or "jsonl" in content_type
    return decoded, not lines and not plain.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")


def _refused(outcome: Outcome) -> Problem:
    """Return the answer to a lone event that does not count; it was recorded as refused, so a retry changes nothing."""
    status, kind = _REFUSED_ALONE[outcome.verdict]
    reason = outcome.reason or f"the event is in {outcome.verdict.value}"
    fault = Fault(reason, pointer=f"#{outcome.pointer or ''}")
    return Problem(status, kind, reason, faults=[fault], outcome=outcome.verdict.value, event_id=outcome.id)


def _listed(outcomes: Sequence[Outcome], *, everything: bool) -> Iterable[dict[str, Any]]:
    for index, outcome in enumerate(outcomes):
        if everything or outcome.verdict is not Verdict.ACCEPTED:
            told = {"id": outcome.id, "pointer": outcome.pointer, "reason": outcome.reason}
            known = {name: value for name, value in told.items() if value is not None}
            yield {"index": index, "outcome": outcome.verdict.value, **known}


def _json(document: object) -> Response:
    return Response(orjson.dumps(document), media_type="application/json")
