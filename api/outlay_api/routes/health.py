"""Whether the process lives and can serve, what it counts, and what version it is. Open to everyone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import orjson
import structlog
from fastapi import APIRouter, Request, Response
from prometheus_client.exposition import choose_encoder
from starlette.concurrency import run_in_threadpool

from outlay_api.auth.dependencies import Provided
from outlay_api.documents.operations import Alive, Readiness, Running
from outlay_api.version import version

CHECK_SECONDS = 2.0

router = APIRouter(tags=["operations"])
_log = structlog.get_logger("outlay.health")


@router.get("/livez", operation_id="isAlive", response_model=Alive)
async def livez() -> Response:
    """Say that the process runs; nothing else is asked."""
    return _json({"status": "ok"})


@router.get(
    "/readyz",
    operation_id="isReady",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "At least one check failed."}},
)
@router.get("/healthz", operation_id="isHealthy", response_model=Readiness, include_in_schema=False)
async def readyz(services: Provided) -> Response:
    """Say whether requests can be served: every check by name, `ok` or what is wrong."""
    names = list(services.checks)
    found = await asyncio.gather(*(_checked(name, services.checks[name]) for name in names))
    ready = all(answer == "ok" for answer in found)
    document = {"status": "ok" if ready else "unavailable", "checks": dict(zip(names, found, strict=True))}
    return _json(document, 200 if ready else 503)


@router.get("/metrics", operation_id="getMetrics", response_class=Response)
async def metrics(request: Request, services: Provided) -> Response:
    """Return every metric for Prometheus, in the format it asks for."""
    encoder, media_type = choose_encoder(request.headers.get("accept", ""))
    text = await run_in_threadpool(encoder, services.metrics.registry)
    return Response(text, media_type=media_type)


@router.get("/version", operation_id="getVersion", response_model=Running)
async def running() -> Response:
    """Return the version that runs."""
    return _json({"name": "outlay", "version": version()})


async def _checked(name: str, check: Callable[[], None]) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await run_in_threadpool(check)
    except TimeoutError:
        return f"no answer within {CHECK_SECONDS:g} s"
    except Exception as error:  # noqa: BLE001 - whatever is wrong, the answer is "not ready"
        _log.warning("not_ready", check=name, error=str(error))
        return "failed; the server's log says why"
    return "ok"


def _json(document: object, status: int = 200) -> Response:
    return Response(orjson.dumps(document), status, media_type="application/json")
