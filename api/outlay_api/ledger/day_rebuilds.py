"""Local days rebuilt after a reporting zone changed: beside intake, a month of a table at a time.

Until the end is noted no question is answered from local days of the organisation; quarter hours answer as exactly.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TakesLonger
from typing import Protocol

import structlog

from outlay_infra.errors import StoreError

PATIENCE_SECONDS = 5.0
"""How long the change of a catalog waits for the days, which is enough for all but large ledgers."""
AGAIN_SECONDS = 10.0

_log = structlog.get_logger("outlay.day_rebuilds")


class Days(Protocol):
    """What rebuilds days."""

    def rebuilding_days(self, org: str) -> Iterator[str]:
        """Rebuild the local days of `org`, a partition whenever a line is asked for."""
        ...


class DayRebuilds:
    """Rebuilds in a thread of its own, one organisation after another. Thread-safe."""

    def __init__(self, days: Days, done: Callable[[str], bool]) -> None:
        """Rebuild by `days`; `done` tells whether an organisation's days are those of its zone."""
        self._days = days
        self._done = done
        self._stop = threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="days")

    def resume(self, orgs: Iterable[str]) -> None:
        """Do what an earlier process left undone of these organisations."""
        for org in orgs:
            self._thread.submit(self._until_done, org)

    def follow(self, org: str, patience: float = PATIENCE_SECONDS) -> bool:
        """See to it that the days of `org` follow its zone, and return whether that took less than `patience` seconds.

        No block metered under an earlier zone may come any more. What takes longer goes on.
        """
        try:
            self._thread.submit(self._until_done, org).result(patience)
        except TakesLonger:
            return False
        return True

    @property
    def stopping(self) -> bool:
        """Whether nothing more is begun."""
        return self._stop.is_set()

    def stop(self) -> None:
        """End after the partition under way; the next start begins anew."""
        self._stop.set()
        self._thread.shutdown(cancel_futures=True)

    def _until_done(self, org: str) -> None:
        while not self.stopping:
            try:
                self._rebuild(org)
            except StoreError as error:
                _log.warning("days_wait_for_the_store", org=org, error=str(error))
                self._stop.wait(AGAIN_SECONDS)
            except Exception:
                _log.exception("days_not_rebuilt", org=org, fix="report it; quarter hours answer meanwhile")
                raise
            else:
                return

    def _rebuild(self, org: str) -> None:
        if self._done(org):
            return
        for line in self._days.rebuilding_days(org):
            _log.info("reporting_zone_changed", org=org, what=line)
            if self.stopping:
                return
