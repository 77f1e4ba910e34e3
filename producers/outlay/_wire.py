"""Events to request bodies (NDJSON) and answers to outcomes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from outlay._result import SendResult
from outlay_schemas.outcome import ACCEPTED, Outcome, Verdict
from outlay_schemas.usage import UsageEvent

PATH = "/v1/events"
NDJSON = "application/x-ndjson"

Event = Mapping[str, Any] | UsageEvent
"""A usage event, as its model or as the mapping that its JSON is."""


def identified(event: Event) -> Mapping[str, Any]:
    """Return the event as a mapping that has an id, so that every attempt carries the same one."""
    if isinstance(event, UsageEvent):
        return event.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return event if "id" in event else {"id": uuid.uuid4().hex, **event}


def batches(events: Iterable[Event], size: int) -> Iterator[list[Mapping[str, Any]]]:
    """Yield the events in lists of at most `size`."""
    batch: list[Mapping[str, Any]] = []
    for event in events:
        batch.append(identified(event))
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def encode(events: Iterable[Mapping[str, Any]]) -> bytes:
    """Write one JSON object a line."""
    return "\n".join([_ENCODER.encode(event) for event in events]).encode()


def decode(body: bytes) -> SendResult:
    """Read the answer of the intake: how many of each outcome, and which events were not accepted.

    Raises `ValueError` when it is not one.
    """
    try:
        answer = json.loads(body)
        outcomes = [ACCEPTED] * sum(answer[verdict.value] for verdict in Verdict)
        for row in answer["events"]:
            outcomes[row["index"]] = Outcome(
                Verdict(row["outcome"]), row.get("id"), row.get("pointer"), row.get("reason")
            )
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"this is no answer of an Outlay intake ({error!r}); check the URL") from None
    return SendResult(tuple(outcomes))


def _plain(value: object) -> str:
    match value:
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.isoformat()
        case _:
            raise TypeError(
                f"an event cannot hold {value!r} ({type(value).__name__}); use text, numbers, Decimal or datetime"
            )


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)
