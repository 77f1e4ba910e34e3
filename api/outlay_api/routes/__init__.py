"""The routes of the API, one file per resource, each with its `router`."""

from __future__ import annotations

from fastapi import APIRouter

from outlay_api.routes import (
    budgets,
    catalog,
    check,
    conservation,
    events_read,
    events_write,
    health,
    keys,
    prices,
    spend,
)

ROUTERS: tuple[APIRouter, ...] = (
    events_write.router,
    spend.router,
    events_read.router,
    conservation.router,
    check.router,
    budgets.router,
    catalog.router,
    prices.router,
    keys.router,
    health.router,
)
