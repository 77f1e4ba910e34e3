"""A body becomes a decoded batch: columns of the events that are valid, an outcome for each that is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
from pydantic import ValidationError

from outlay_schemas.outcome import Outcome, Verdict
from outlay_schemas.usage import MAX_COUNT, MAX_FUTURE, UsageEvent, too_far_ahead
from outlay_streams.decode.bodies import events_of
from outlay_streams.decode.cloudevents import ENVELOPE, PREFIX
from outlay_streams.decode.columns import COUNTED, usage_table
from outlay_streams.decode.errors import TooLarge
from outlay_streams.decode.json_text import Fault, kind_of
from outlay_streams.decode.redaction import clean, kept, text
from outlay_streams.decode.refusal import explain, pointer
from outlay_streams.refusals import refused

FIRST_TIME = datetime(1970, 1, 2, tzinfo=UTC)
"""The earliest moment taken. Zones of earlier days kept local time to the second, and libraries do not agree on it, so
that sums by local day could not be exact."""

_NO_QUANTITIES: dict[str, Any] = {}
_validate = UsageEvent.__pydantic_validator__.validate_python


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one body may hold."""

    body_bytes: int = 32 * 1024 * 1024
    events: int = 10_000


_LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A decoded batch of one org. `usage` (`USAGE`) holds the valid events, row i from position `positions[i]`.

    `outcomes` has one place a position: None where the event is valid and yet to be judged. `rejects` (`REJECTS`, its
    received, partition and block null until a block stamps them) holds the refused ones.
    """

    usage: pa.Table
    positions: list[int]
    outcomes: list[Outcome | None]
    rejects: pa.Table


def decode(
    body: bytes,
    *,
    content_type: str,
    org: str,
    now: datetime,
    headers: Mapping[str, str] | None = None,
    limits: Limits = _LIMITS,
) -> Decoded:
    """Decode a decompressed HTTP body: JSON, NDJSON or CloudEvents (structured, batch, or binary by `ce-*` headers).

    An event that is not valid gets an outcome and never fails the others. `now` (aware) bounds event times. Raises
    `DecodeError` when the body as a whole cannot be read; nothing else.
    """
    if len(body) > limits.body_bytes:
        raise TooLarge(f"the body is {len(body)} bytes; at most {limits.body_bytes} are read, so send smaller batches")
    named = {name.lower(): value for name, value in (headers or {}).items()}
    found = events_of(body, content_type=content_type, headers=named, most=limits.events)
    within = "/data" if content_type.lower().lstrip().startswith(PREFIX) else ""
    return decoded(found, org=org, now=now, within=within)


def decoded(found: list[Any], *, org: str, now: datetime, within: str = "") -> Decoded:
    """Validate JSON values, or the `Fault` found instead, position by position.

    `within` is the pointer at which an envelope keeps what is not its own.
    """
    valid: list[UsageEvent] = []
    positions: list[int] = []
    outcomes: list[Outcome | None] = [None] * len(found)
    rows: list[dict[str, str]] = []
    for position, value in enumerate(found):
        event = judged(value, now)
        if isinstance(event, Fault):
            outcomes[position] = outcome = verdict(event, "" if isinstance(value, Fault) else within)
            rows.append(refusal(org, event, outcome))
        else:
            valid.append(event)
            positions.append(position)
    return Decoded(usage=usage_table(valid, org=org), positions=positions, outcomes=outcomes, rejects=refused(rows))


def judged(value: Any, now: datetime) -> UsageEvent | Fault:
    """Return the event that `value` is, or why it is refused; a `Fault` stays what it is."""
    if isinstance(value, Fault):
        return value
    if not isinstance(value, dict):
        return Fault("", f"an event is a JSON object; this is {kind_of(value)}")
    try:
        event = _validate(value)
    except ValidationError as error:
        return Fault(*explain(error, value), value)
    return _bounds(event, value, now) or event


def _bounds(event: UsageEvent, value: dict[str, Any], now: datetime) -> Fault | None:
    """Check what the model alone cannot: counts, and the time against the clock and the calendar."""
    for unit, sent in value.get("quantities", _NO_QUANTITIES).items():
        if unit in COUNTED and (type(sent) is not int or sent > MAX_COUNT):
            wrong = _miscounted(unit, sent, event.quantities[unit])
            if wrong:
                return Fault(pointer(("quantities", unit)), wrong, value)
    time = event.time
    if too_far_ahead(time, now):
        ahead = f"time is {time.isoformat()}, more than {MAX_FUTURE} ahead of {now.isoformat()}"
        return Fault("/time", f"{ahead}; send the moment of use and check the sender's clock", value)
    if time < FIRST_TIME:
        starts = f"time is {time.isoformat()}; the ledger's calendar starts at {FIRST_TIME.date()}"
        return Fault("/time", f"{starts}, for earlier days of some zones began within a quarter hour", value)
    return None


def _miscounted(unit: str, sent: Any, quantity: Decimal) -> str | None:
    if quantity > MAX_COUNT:
        return f"{unit} is {sent}; one event counts at most {MAX_COUNT}, so that no sum overflows: send several events"
    if quantity % 1:
        return f"{unit} is {sent}; it is counted in whole numbers"
    return None


def verdict(fault: Fault, within: str = "") -> Outcome:
    """Return the outcome of a refused event; `within` as for `decoded`."""
    top = fault.pointer.split("/", 2)[1:2]
    where = fault.pointer if not within or top in ([], *([name] for name in ENVELOPE)) else within + fault.pointer
    known = fault.event.get("id") if isinstance(fault.event, dict) else None
    return Outcome(Verdict.REJECTED, text(known) or None, clean(where), clean(fault.reason))


def refusal(org: str, fault: Fault, outcome: Outcome) -> dict[str, str]:
    """Return the `REJECTS` row of a refused event."""
    source = (
        fault.event.get("source", UsageEvent.model_fields["source"].default) if isinstance(fault.event, dict) else ""
    )
    return {
        "org": org,
        "source": text(source),
        "id": outcome.id or "",
        "outcome": outcome.verdict.value,
        "pointer": outcome.pointer or "",
        "reason": outcome.reason or "",
        "event": kept(fault.event),
    }
