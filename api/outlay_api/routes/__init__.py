"""The routes of the API, one file per resource, each with its `router`."""

from __future__ import annotations

from fastapi import APIRouter

from outlay_api.routes import health

ROUTERS: tuple[APIRouter, ...] = (health.router,)
