"""What is on its way: events noted, batches not settled yet, and who waits for them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Noted(NamedTuple):
    """What `track` writes down: no more than references, so that it takes the caller no time."""

    at: float
    """Seconds since the epoch."""
    labels: Mapping[str, object]
    """Those of the scope in force."""
    fields: Mapping[str, Any]
    """The caller's own words; they win over labels."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Events encoded for one request."""

    number: int
    body: bytes
    events: int


@dataclass(slots=True)
class Marker:
    """A place in the order of what is tracked; `passed` is set once everything before it is settled."""

    passed: threading.Event = field(default_factory=threading.Event)


class Progress:
    """The batches that are neither delivered, nor on disk, nor given up."""

    def __init__(self) -> None:
        """Start with none."""
        self._open: dict[int, Batch] = {}
        self._waiting: list[tuple[set[int], Marker]] = []
        self._lock = threading.Lock()
        self._numbers = 0

    def begin(self, body: bytes, events: int) -> Batch:
        """Return a new batch that is on its way."""
        with self._lock:
            self._numbers += 1
            batch = Batch(self._numbers, body, events)
            self._open[batch.number] = batch
            return batch

    def settle(self, batch: Batch) -> bool:
        """Say that nothing more happens to the batch; False when someone else settled it before."""
        with self._lock:
            if self._open.pop(batch.number, None) is None:
                return False
            for numbers, marker in self._waiting:
                numbers.discard(batch.number)
                if not numbers:
                    marker.passed.set()
            self._waiting = [each for each in self._waiting if each[0]]
            return True

    def mark(self, marker: Marker) -> None:
        """Set the marker once all batches that are open now are settled."""
        with self._lock:
            if self._open:
                self._waiting.append((set(self._open), marker))
            else:
                marker.passed.set()

    def unsettled(self) -> list[Batch]:
        """Return the batches still on their way, oldest first."""
        with self._lock:
            return list(self._open.values())
