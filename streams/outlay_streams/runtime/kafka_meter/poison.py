"""When refused records are too many to be single mistakes: the line stops, with its offsets where they were."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from outlay_streams.runtime.kafka_meter.errors import Poisoned

_WINDOW = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PoisonBound:
    """`run` refused records in a row are too many, as are `percent` of a window of ten times as many; 0 never is."""

    run: int = 1_000
    percent: int = 50


@dataclass(slots=True)
class PoisonWatch:
    """Counts the refused records of one partition of a topic."""

    bound: PoisonBound
    place: str
    """Topic and partition, for the message."""
    _run: int = 0
    _refused: int = 0
    _seen: int = 0

    def see(self, count: int, refused: Iterable[int]) -> None:
        """Take in `count` more records, of which those at the places `refused` (ascending) are no events.

        Raises `Poisoned` past the bound.
        """
        if not self.bound.run:
            return
        last = -1
        places = list(refused)
        for place in places:
            self._run = self._run + 1 if place == last + 1 else 1
            last = place
            if self._run >= self.bound.run:
                raise Poisoned(self._told(f"{self._run} records in a row are no events"))
        if last != count - 1:
            self._run = 0
        self._refused += len(places)
        self._seen += count
        if self._seen >= _WINDOW * self.bound.run:
            if self._refused * 100 >= self._seen * self.bound.percent:
                raise Poisoned(self._told(f"{self._refused} of {self._seen} records are no events"))
            self._refused = self._seen = 0

    def _told(self, what: str) -> str:
        return (
            f"{self.place}: {what}; correct their producer, then raise meter.poison_run (0: no bound) for as long as "
            "it takes to get past them"
        )
