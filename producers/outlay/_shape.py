"""What a caller tracked, made a usage event: done behind the caller's back, where there is time to look closely."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from outlay._batches import Noted
from outlay._settings import LABELS
from outlay._wire import encode
from outlay_schemas.units import QUANTITY_SCALE
from outlay_schemas.usage import MAX_EVENT_BYTES, MAX_QUANTITY, MAX_TAGS, MAX_TEXT, UsageEvent

_DESCRIBED = frozenset({*LABELS, "service_tier", "region", "operation", "request_id", "trace_id"})
_MOST_MILLISECONDS = 2**31 - 1


class InvalidError(ValueError):
    """What was tracked is no usage event; `kind` groups it with others that fail alike."""

    def __init__(self, kind: str, message: str) -> None:
        """Keep the kind beside the message."""
        super().__init__(message)
        self.kind = kind


def encoded(noted: Noted, *, source: str, labels: Mapping[str, str]) -> bytes:
    """Return the event as one line of JSON; raise `InvalidError` when what was tracked is none."""
    event = shape(noted, source=source, labels=labels)
    line = encode([event])
    while len(line) > MAX_EVENT_BYTES and event.get("tags"):
        event["tags"].popitem()
        line = encode([event])
    if len(line) > MAX_EVENT_BYTES:
        raise InvalidError("size", f"it has {len(line)} bytes; an event has at most {MAX_EVENT_BYTES}")
    return line


def shape(noted: Noted, *, source: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """Return the event as the mapping its JSON is, with an id; raise `InvalidError` when it is none.

    What only describes the use never costs its count: it is made to fit, or left out. Of too many tags the innermost
    stay.
    """
    event: dict[str, Any] = {
        "id": uuid.uuid4().hex,
        "source": source,
        "time": datetime.fromtimestamp(noted.at, UTC).isoformat(timespec="milliseconds"),
    }
    said: dict[str, str] = {}
    tags: dict[Any, object] = {}
    for name, value in noted.fields.items():
        if name in _DESCRIBED:
            said[name] = fitting(value)
        elif name == "tags":
            tags |= value if isinstance(value, Mapping) else {}
        elif value is not None:
            event[name] = _MADE[name](value) if name in _MADE else value
    for given in (noted.labels, labels):
        for name, value in given.items():
            if name not in LABELS:
                tags.setdefault(name, value)
            elif not said.get(name):
                said[name] = fitting(value)
    event |= {name: text for name, text in said.items() if text}
    if kept := _tags(tags):
        event["tags"] = kept
    event = {name: value for name, value in event.items() if value is not None}
    _check(event)
    return event


def fitting(value: object) -> str:
    """Return a label as text that an event may hold, cut where it is long; empty when there is none."""
    try:
        text = "" if value is None else str(value)[:MAX_TEXT]
    except Exception:  # noqa: BLE001 - it is the caller's object, and a label must not cost the count it labels
        return ""
    return text if text.isprintable() else "".join(each if each.isprintable() else " " for each in text)


def _tags(given: Mapping[Any, object]) -> dict[str, str]:
    kept: dict[str, str] = {}
    for name, value in given.items():
        if value is not None and (key := fitting(name)):
            kept.setdefault(key, fitting(value))
        if len(kept) == MAX_TAGS:
            break
    return kept


def _milliseconds(value: object) -> int | None:
    """Return a duration of any kind of number as whole milliseconds; None for what is none."""
    try:
        found = round(float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return found if 0 <= found <= _MOST_MILLISECONDS and not isinstance(value, bool) else None


def _number(count: object) -> object:
    """Return numbers of any library as Python's own: integers, and floats as the decimal they print as, to nine places.

    Texts and whatever else is no number are left to be judged.
    """
    if isinstance(count, bool | int | Decimal | str):
        return count
    if (index := getattr(count, "__index__", None)) is not None:
        return index()
    if (real := getattr(count, "__float__", None)) is None:
        return count
    exact = Decimal(float.__repr__(real()))
    return round(exact, QUANTITY_SCALE) if abs(exact) < MAX_QUANTITY else exact


def _quantities(given: Mapping[str, object]) -> dict[str, object]:
    return {unit: _number(count) for unit, count in given.items() if count is not None}


_MADE: Mapping[str, Callable[[Any], object]] = {
    "quantities": _quantities,
    "latency_ms": _milliseconds,
    "ttft_ms": _milliseconds,
}


def _check(event: Mapping[str, Any]) -> None:
    try:
        UsageEvent.model_validate(event)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        shown = repr(first["input"])[:80]
        raise InvalidError(f"{place} {first['type']}", f"{place or 'event'}: {first['msg']}, not {shown}") from None
