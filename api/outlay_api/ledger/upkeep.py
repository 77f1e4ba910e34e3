"""What the writer of a ledger does beside intake: sums that lag behind every minute, retention once a day."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import structlog

from outlay_infra.errors import StoreError
from outlay_infra.warehouse import Warehouse
from outlay_streams.runtime.ports import Clock

EVERY_SECONDS = 60.0

_log = structlog.get_logger("outlay.upkeep")


class Upkeep:
    """Knows what is due; `run` does it."""

    def __init__(self, warehouse: Warehouse, clock: Clock, *, raw_days: int | None) -> None:
        """Keep raw entries `raw_days` days; None keeps them for ever."""
        self._warehouse = warehouse
        self._clock = clock
        self._raw_days = raw_days
        self._kept_on: date | None = None

    def run(self) -> None:
        """Do what is due; a store that is away is tried again the next time."""
        today = self._clock.now().date()
        try:
            self._warehouse.catch_up()
            if self._kept_on != today:
                for line in self._warehouse.retention(today, raw_days=self._raw_days):
                    _log.info("retention", what=line)
                self._kept_on = today
        except StoreError as error:
            _log.warning("upkeep_postponed", error=str(error))


@contextmanager
def in_background(upkeep: Upkeep) -> Iterator[None]:
    """Run `upkeep` every minute in a thread while the context is open, first after a minute."""
    stop = threading.Event()

    def loop() -> None:
        while not stop.wait(EVERY_SECONDS):
            upkeep.run()

    thread = threading.Thread(target=loop, name="upkeep", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
