"""What the first request would wait for, done beside serving: price rules compiled, libraries loaded.

Readiness waits for it, listening does not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from outlay_infra.errors import StoreError

AGAIN_SECONDS = 1.0

_log = structlog.get_logger("outlay.warming")


class Cold(RuntimeError):  # noqa: N818 - reads as what it says
    """The first request would still wait; ask again in a moment."""


class Warming:
    """Does `work` once in a thread, again after a pause while the store is away."""

    def __init__(self, work: Callable[[], None]) -> None:
        """Prepare; `start` begins."""
        self._work = work
        self._warm, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="warming", daemon=True)

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    def check(self) -> None:
        """Return when the work is done; raise `Cold` before."""
        if not self._warm.is_set():
            raise Cold("price rules are being compiled")

    def stop(self) -> None:
        """Do not begin again, and wait for the end of what began."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._work()
            except StoreError as error:
                _log.warning("not_warm_yet", error=str(error))
                self._stop.wait(AGAIN_SECONDS)
            except Exception:  # noqa: BLE001 - the first request shows it to its caller
                _log.exception("warming_failed")
                self._warm.set()
                return
            else:
                self._warm.set()
                return
