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
        self._failed = False
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
        """Let no question wait any more: every table has the blocks acknowledged."""
        with self._changed:
            self._whole = self._acknowledged
            self._failed = False
            self._changed.notify_all()

    def failed(self) -> None:
        """Let questions fail at once, until `whole`, if they would leave out what was acknowledged."""
        with self._changed:
            self._failed = True
            self._changed.notify_all()

    def wait(self) -> None:
        """Return once the blocks acknowledged before this call are in every table; later ones are not waited for.

        Raises `StoreUnavailable` when that takes too long, and at once while the store fails to take them.
        """
        with self._changed:
            before = self._acknowledged
            self._waiting += 1
            try:
                self._changed.wait_for(lambda: self._whole >= before or self._failed, PATIENCE)
            finally:
                self._waiting -= 1
            if self._whole >= before:
                return
            if self._failed:
                raise StoreUnavailable("what was acknowledged waits for the store; ask again once it is stored")
            raise StoreUnavailable(f"what was acknowledged is not in every table after {PATIENCE:.0f} s; ask again")
