"""The routes of the API, one file per resource, each with its `router`."""

from __future__ import annotations

from fastapi import APIRouter

from outlay_api.routes import catalog, events_write, health, keys

ROUTERS: tuple[APIRouter, ...] = (events_write.router, catalog.router, keys.router, health.router)
