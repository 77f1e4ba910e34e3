"""Reading one's own writes: a block may be acknowledged before every table has it, questions then wait for the rest."""

from __future__ import annotations

import threading

from outlay_infra.errors import StoreUnavailable

PATIENCE = 30.0
"""The longest a question waits, in seconds."""


class OwnWrites:
    """Knows whether what was acknowledged is in every table. Thread-safe; blocks are written one after another."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._acknowledged = 0
        self._whole = 0
        self._waiting = 0

    @property
    def awaited(self) -> bool:
        """Whether a question waits for a block."""
        return self._waiting > 0

    def acknowledged(self) -> None:
        """Let questions from now on wait for one more block."""
        with self._changed:
            self._acknowledged += 1

    def whole(self) -> None:
        """Let no question wait any more: every table has the blocks acknowledged, or the store failed."""
        with self._changed:
            self._whole = self._acknowledged
            self._changed.notify_all()

    def wait(self) -> None:
        """Return once the blocks acknowledged before this call are in every table; later ones are not waited for.

        Raises `StoreUnavailable` when that takes too long.
        """
        with self._changed:
            before = self._acknowledged
            self._waiting += 1
            try:
                stored = self._changed.wait_for(lambda: self._whole >= before, PATIENCE)
            finally:
                self._waiting -= 1
        if not stored:
            raise StoreUnavailable(f"what was acknowledged is not in every table after {PATIENCE:.0f} s; ask again")
