"""What a caller tracked, made a usage event: done behind the caller's back, where there is time to look closely."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from outlay._batches import Noted
from outlay._settings import LABELS
from outlay._wire import encode
from outlay_schemas.units import QUANTITY_SCALE
from outlay_schemas.usage import MAX_EVENT_BYTES, MAX_QUANTITY, MAX_TAGS, MAX_TEXT, UsageEvent


class InvalidError(ValueError):
    """What was tracked is no usage event; `kind` groups it with others that fail alike."""

    def __init__(self, kind: str, message: str) -> None:
        """Keep the kind beside the message."""
        super().__init__(message)
        self.kind = kind


def encoded(noted: Noted, *, source: str, labels: Mapping[str, str]) -> bytes:
    """Return the event as one line of JSON; raise `InvalidError` when what was tracked is none."""
    line = encode([shape(noted, source=source, labels=labels)])
    if len(line) > MAX_EVENT_BYTES:
        raise InvalidError("size", f"it has {len(line)} bytes; an event has at most {MAX_EVENT_BYTES}")
    return line


def shape(noted: Noted, *, source: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """Return the event as the mapping its JSON is, with an id; raise `InvalidError` when it is none."""
    event: dict[str, Any] = {
        "id": uuid.uuid4().hex,
        "source": source,
        "time": datetime.fromtimestamp(noted.at, UTC).isoformat(timespec="milliseconds"),
    }
    tags: dict[str, str] = {}
    for given in (labels, noted.labels):
        for name, value in given.items():
            if value is not None:
                (event if name in LABELS else tags)[name] = fitting(value)
    for name, value in noted.fields.items():
        if value is None:
            continue
        if name == "tags":
            tags |= {str(key): fitting(tag) for key, tag in value.items() if tag is not None}
        elif name == "quantities":
            event[name] = {unit: _number(count) for unit, count in value.items() if count is not None}
        else:
            event[name] = fitting(value) if name in LABELS else value
    if tags:
        event["tags"] = dict(list(tags.items())[:MAX_TAGS])
    _check(event)
    return event


def fitting(value: object) -> str:
    """Return a label as text that an event may hold: a long one is cut, for it must not cost the count it labels."""
    text = str(value)[:MAX_TEXT]
    return text if text.isprintable() else "".join(each if each.isprintable() else " " for each in text)


def _number(count: object) -> object:
    """Return integers of any library as Python's own, and floats as the decimal they print as, to nine places."""
    if isinstance(count, float):
        exact = Decimal(repr(count))
        return round(exact, QUANTITY_SCALE) if abs(exact) < MAX_QUANTITY else exact
    index = getattr(count, "__index__", None)
    return index() if index is not None and not isinstance(count, bool) else count


def _check(event: Mapping[str, Any]) -> None:
    try:
        UsageEvent.model_validate(event)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        shown = repr(first["input"])[:80]
        raise InvalidError(f"{place} {first['type']}", f"{place or 'event'}: {first['msg']}, not {shown}") from None
