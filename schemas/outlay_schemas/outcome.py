"""What became of one event sent to the meter, and the batch answer every wire gives."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What became of an event. Only `accepted` adds to the ledger; all four are durable when answered.

    accepted: counted once, now. duplicate: the same event was counted before. conflict: its id was used for other
    content. rejected: invalid, with a reason.
    """

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict on one event of a batch; when refused, `pointer` (RFC 6901, in the event) and `reason`."""

    verdict: Verdict
    id: str | None = None
    pointer: str | None = None
    reason: str | None = None


ACCEPTED = Outcome(Verdict.ACCEPTED)
DUPLICATE = Outcome(Verdict.DUPLICATE)
