"""The HTTP application over a set of services."""

from __future__ import annotations

from fastapi import FastAPI

from outlay_api import problems
from outlay_api.routes import ROUTERS
from outlay_api.services import Services


def create_app(services: Services) -> FastAPI:
    """Return the application; it opens and closes nothing, a composition root does (`outlay_api.compose`)."""
    app = FastAPI(title="Outlay")
    app.state.services = services
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    return app
