"""What became of the events that were sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from outlay_schemas.outcome import Outcome, Verdict


@dataclass(frozen=True, slots=True)
class SendResult:
    """The outcome of every event, in the order sent; all of them are durable."""

    outcomes: tuple[Outcome, ...] = ()

    def __add__(self, other: SendResult) -> SendResult:
        return SendResult(self.outcomes + other.outcomes)

    def __len__(self) -> int:
        return len(self.outcomes)

    @property
    def accepted(self) -> int:
        """Events counted now."""
        return self._count(Verdict.ACCEPTED)

    @property
    def duplicate(self) -> int:
        """Events that had been counted before."""
        return self._count(Verdict.DUPLICATE)

    @property
    def conflict(self) -> int:
        """Events whose id was used before for other content."""
        return self._count(Verdict.CONFLICT)

    @property
    def rejected(self) -> int:
        """Events that are invalid."""
        return self._count(Verdict.REJECTED)

    def refused(self) -> Iterator[tuple[int, Outcome]]:
        """Yield position and outcome of the events that will never count: conflicts and rejected ones."""
        for position, outcome in enumerate(self.outcomes):
            if outcome.verdict in {Verdict.CONFLICT, Verdict.REJECTED}:
                yield position, outcome

    def _count(self, verdict: Verdict) -> int:
        return sum(outcome.verdict is verdict for outcome in self.outcomes)
