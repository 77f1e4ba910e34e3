"""A judge that counts nothing: what the intake would say of each event by itself, without a ledger to compare with."""

from __future__ import annotations

from pydantic import ValidationError

from outlay import Outcome, SendResult, UsageEvent, Verdict
from outlay_schemas.outcome import ACCEPTED


class DryRun:
    """Takes the place of a client. Duplicates and conflicts show only against a ledger, so there are none here."""

    def __init__(self) -> None:
        """Keep the first event, to be shown."""
        self.first: str | None = None

    async def send_ndjson(self, body: bytes, /) -> SendResult:
        """Judge every event of the body."""
        lines = body.split(b"\n")
        if self.first is None:
            self.first = lines[0].decode()
        return SendResult(tuple(map(_judged, lines)))


def _judged(line: bytes) -> Outcome:
    try:
        UsageEvent.model_validate_json(line)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        pointer = "".join(f"/{part}" for part in fault["loc"])
        return Outcome(Verdict.REJECTED, pointer=pointer, reason=fault["msg"])
    return ACCEPTED
