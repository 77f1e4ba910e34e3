"""The HTTP application over a set of services."""

from __future__ import annotations

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import Depends, FastAPI
from fastapi_offline import FastAPIOffline

from outlay_api.decoding import Decoding
from outlay_api.http import openapi, problems
from outlay_api.http.limits import BodyLimits
from outlay_api.http.observe import Observe, safe_request_id
from outlay_api.http.parameters import refuse_unknown_parameters
from outlay_api.routes import ROUTERS
from outlay_api.services import Services
from outlay_api.version import version

_BODIES_WAITING = 4
"""Bodies of the largest size that may wait for being decoded; beyond it requests are answered 503 with Retry-After."""

_DESCRIPTION = """\
Meter AI spend: send usage events, get exact, explained, attributed amounts.

Amounts are USD as decimal strings, exact to 12 decimals; unknown amounts are null, never 0. Times are RFC 3339, in UTC
when answered; ranges are half-open. Errors are problem documents (RFC 9457).
"""


def create_app(services: Services, *, in_process: bool = False) -> FastAPI:
    """Return the application; it opens and closes nothing, a composition root does (`outlay_api.compose`).

    `in_process` says that only this process calls it, over `httpx.ASGITransport`: whoever may open the data directory
    needs no key.
    """
    app: FastAPI = FastAPIOffline(
        redoc_url=None,
        title="Outlay",
        summary="What AI costs, as it happens.",
        description=_DESCRIPTION,
        version=version(),
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        dependencies=[Depends(refuse_unknown_parameters)],
    )
    app.state.services = services
    app.state.in_process = in_process
    settings = services.settings
    app.state.decoding = Decoding(nbytes=_BODIES_WAITING * settings.intake.body_bytes)
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    app.openapi = openapi.describe(app)  # type: ignore[method-assign]
    app.add_middleware(BodyLimits, max_bytes=settings.intake.body_bytes, max_seconds=settings.http.body_seconds)
    app.add_middleware(Observe, metrics=services.metrics, access_log=settings.log.access)
    app.add_middleware(CorrelationIdMiddleware, validator=None, transformer=safe_request_id)
    return app
