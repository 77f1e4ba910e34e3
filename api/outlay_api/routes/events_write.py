"""Intake: usage events in, the outcome of each out, once all are durable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from time import perf_counter
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from outlay_api.dependencies import Caller, Provided, require
from outlay_api.documents import IntakeAnswer
from outlay_api.intake_docs import REQUEST_BODY
from outlay_api.problems import Problem, problem_of
from outlay_api.services import Services
from outlay_schemas.outcome import Outcome, Verdict
from outlay_streams.decode import Decoded, decode
from outlay_streams.decode.errors import DecodeError, MalformedBody, TooLarge, UnsupportedContent

_INLINE_BYTES = 32 * 1024
"""Bodies up to this size are decoded at once; larger ones in a thread, so that other requests are not held up."""

_REFUSALS: dict[type[DecodeError], tuple[int, str]] = {
    MalformedBody: (400, "malformed-body"),
    TooLarge: (413, "body-too-large"),
    UnsupportedContent: (415, "unsupported-content"),
}

router = APIRouter(tags=["intake"])


@router.post(
    "/v1/events",
    operation_id="sendEvents",
    response_model=IntakeAnswer,
    openapi_extra={"requestBody": REQUEST_BODY},
)
async def send_events(
    request: Request,
    services: Provided,
    caller: Annotated[Caller, Depends(require("ingest"))],
    detail: Annotated[Literal["refused", "all"], Query(description="`all` lists accepted events too.")] = "refused",
) -> Response:
    """Take in usage events; answer when they are durable.

    One bad event never fails the others: the answer is 200 with the outcome of each, and no event of it needs to be
    sent again. Any other status means that nothing was acknowledged: send the same events, with the same ids, again
    after 429 and 503; correct the request after 4xx.
    """
    started = perf_counter()
    try:
        decoded = await _decoded(request, services, caller.org)
        outcomes = await services.publisher.publish(caller.org, decoded)
    except Exception as error:
        refusal = problem_of(error)
        services.metrics.ingest_refused.labels(refusal.kind).inc()
        raise
    counts = Counter(outcome.verdict for outcome in outcomes)
    for verdict, count in counts.items():
        services.metrics.events_received.labels(verdict.value).inc(count)
    services.metrics.ingest_duration.observe(perf_counter() - started)
    answer = {verdict.value: counts[verdict] for verdict in Verdict}
    return _json(answer | {"events": list(_listed(outcomes, everything=detail == "all"))})


async def _decoded(request: Request, services: Services, org: str) -> Decoded:
    body = await request.body()
    limits = services.settings.intake
    try:
        if len(body) <= _INLINE_BYTES:
            return decode(body, request.headers, org=org, now=services.clock.now(), limits=limits)
        return await run_in_threadpool(decode, body, request.headers, org=org, now=services.clock.now(), limits=limits)
    except DecodeError as error:
        status, kind = _REFUSALS[type(error)]
        raise Problem(status, kind, str(error)) from None


def _listed(outcomes: Sequence[Outcome], *, everything: bool) -> Iterable[dict[str, Any]]:
    for index, outcome in enumerate(outcomes):
        if everything or outcome.verdict is not Verdict.ACCEPTED:
            told = {"id": outcome.id, "pointer": outcome.pointer, "reason": outcome.reason}
            known = {name: value for name, value in told.items() if value is not None}
            yield {"index": index, "outcome": outcome.verdict.value, **known}


def _json(document: object) -> Response:
    return Response(orjson.dumps(document), media_type="application/json")
