"""What became of everything tracked, in numbers, and trouble told once for each kind of it."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from dataclasses import dataclass

log = logging.getLogger("outlay")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Events since the process began (or was forked), by what became of them; each is counted once.

    tracked = accepted + duplicate + refused + invalid + dropped + spooled + waiting.
    """

    tracked: int = 0
    accepted: int = 0
    """Counted by the server."""
    duplicate: int = 0
    """Counted by the server before."""
    refused: int = 0
    """Not counted: the server said why, and the log tells the first of each kind."""
    invalid: int = 0
    """Not sent: they are no usage events, and the log tells the first of each kind."""
    dropped: int = 0
    """Lost, for neither memory nor disk had room."""
    spooled: int = 0
    """Written to disk, from where this or another process sends them."""
    replayed: int = 0
    """Sent from disk, whoever put them there; not a part of `tracked`."""

    @property
    def waiting(self) -> int:
        """Events still in memory."""
        known = self.accepted + self.duplicate + self.refused + self.invalid + self.dropped + self.spooled
        return self.tracked - known


class Tally:
    """Counts from several threads."""

    def __init__(self) -> None:
        """Start at nothing."""
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, **counts: int) -> None:
        """Add to the counts named."""
        with self._lock:
            self._counts.update(counts)

    def stats(self, *, waiting: int = 0, lost: int = 0) -> Stats:
        """Return the counts, with events that no one has looked at yet: `waiting` in memory, `lost` for want of it."""
        with self._lock:
            counts = Counter(self._counts)
        counts.update(tracked=waiting + lost, dropped=lost)
        return Stats(**counts)


class Notices:
    """Warnings, the first of each kind: trouble with a thousand events a second must not be a thousand lines."""

    MOST = 1_000

    def __init__(self) -> None:
        """Start with nothing told."""
        self._told: set[str] = set()

    def tell(self, kind: str, message: str, *args: object) -> None:
        """Log the message unless one of its kind was logged."""
        if kind not in self._told and len(self._told) < self.MOST:
            self._told.add(kind)
            log.warning(f"{message}; further cases are counted, not logged", *args)  # noqa: G004 - a fixed ending

    def over(self, kind: str) -> bool:
        """Return whether trouble of that kind was told, and forget that it was."""
        told = kind in self._told
        self._told.discard(kind)
        return told
