"""What goes on beside the cells: catalogs are looked after, and new budgets get their past from the store.

Neither holds the cells up: while the store is away, budgets go on by the last catalogs known, and new ones wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from typing import Protocol

import structlog

from outlay_infra.errors import StoreError
from outlay_infra.warehouse.budget_past import past_at
from outlay_infra.warehouse.database import Queries
from outlay_streams.runtime.faust_budgets.worker import Worker

_LAST_DAY = "SELECT maxOrNull(day) AS day FROM receipts WHERE org = {org:String}"

_log = structlog.get_logger()


class Catalogs(Protocol):
    """The newest catalogs known."""

    def refresh(self) -> list[str]:
        """Ask the store for changes and return the organisations that changed. Blocks; raises `StoreError`."""
        ...


class Beside:
    """Asks the store, again and again."""

    def __init__(self, worker: Worker, catalogs: Catalogs, store: Queries) -> None:
        """Prepare; nothing is asked yet."""
        self._worker = worker
        self._catalogs = catalogs
        self._store = store
        self._away = False

    async def run(self, seconds: float) -> None:
        """Look every so many seconds until cancelled."""
        while True:
            try:
                await self.look()
            except StoreError as error:
                if not self._away:
                    _log.warning("store_away", error=str(error), effect="new budgets and changes of catalogs wait")
                self._away = True
            else:
                self._away = False
            await asyncio.sleep(seconds)

    async def look(self) -> None:
        """Take in what changed in the catalogs, and add the past of rows that wait for it. Raises `StoreError`."""
        self._changed(await asyncio.to_thread(self._catalogs.refresh))
        for shelf, org in self._worker.timeless():
            if (day := await asyncio.to_thread(last_day, self._store, org)) is not None:
                shelf.tell_time(org, datetime.combine(day, time.min, UTC))
        for shelf, org, start in self._worker.starts():
            found = await asyncio.to_thread(past_at, self._store, org, start.dimensions, start.edges, start.marks)
            if found is not None:
                self._worker.begin(shelf, org, start, found.sums, dict(found.marks))

    def _changed(self, orgs: Iterable[str]) -> None:
        for org in orgs:
            self._worker.replace(org)
            _log.info("catalog_changed", org=org)


def last_day(store: Queries, org: str) -> date | None:
    """Return the newest UTC day on which something of an organisation was received, None where there is none."""
    day: date | None = store.query(_LAST_DAY, {"org": org})["day"][0].as_py()
    return day
