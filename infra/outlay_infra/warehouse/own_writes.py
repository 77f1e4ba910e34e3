"""Reading one's own writes: a block may be acknowledged before every table has it, questions then wait for the rest."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class OwnWrites:
    """Knows whether what was acknowledged is in every table. Thread-safe; blocks are written one after another."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._acknowledged = 0
        self._whole = 0

    @contextmanager
    def block(self, durable: Callable[[], None]) -> Iterator[Callable[[], None]]:
        """Yield what to call once the block outlives a crash: it passes `durable` on, and questions wait from then.

        They wait until the context is left, even by an error: what is missing then waits for a store that fails.
        """

        def acknowledge() -> None:
            with self._changed:
                self._acknowledged += 1
            durable()

        try:
            yield acknowledge
        finally:
            with self._changed:
                self._whole = self._acknowledged
                self._changed.notify_all()

    def wait(self) -> None:
        """Return once the blocks acknowledged before this call are in every table; later ones are not waited for."""
        with self._changed:
            before = self._acknowledged
            self._changed.wait_for(lambda: self._whole >= before)
