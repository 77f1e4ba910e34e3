"""A refused event as it may be kept: known fields with their values, unknown fields by name alone.

A prompt posted by mistake must not be stored, so nothing but short scalars of known fields, tags and quantities stays.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import islice
from typing import Any

from outlay_schemas.usage import MAX_EVENT_BYTES, MAX_TAGS, MAX_TEXT, MAX_UNITS, UsageEvent

_NESTED = {"tags": MAX_TAGS, "quantities": MAX_UNITS}
_MAX_FIELDS = 64
_EXACT_INTEGER = 2**53
_UNSAFE = dict.fromkeys((*range(0x20), 0x7F, *range(0xD800, 0xE000)), "\N{REPLACEMENT CHARACTER}")


def kept(event: object) -> str:
    """Return JSON of what may be kept of a refused event, at most 64 KiB; values of unknown fields become null."""
    if not isinstance(event, dict):
        return "{}"
    fields = {text(name): _value(name, value) for name, value in islice(event.items(), _MAX_FIELDS)}
    written = _written(fields)
    return written if len(written.encode()) <= MAX_EVENT_BYTES else _written(fields | dict.fromkeys(_NESTED))


def text(value: object) -> str:
    """Return `value`, if text, as any store keeps it: no control characters, no lone surrogates, not overlong."""
    return clean(value[:MAX_TEXT]) if isinstance(value, str) else ""


def clean(value: str) -> str:
    """Return `value` with control characters and lone surrogates replaced."""
    return value.translate(_UNSAFE)


def _value(name: str, value: Any) -> Any:
    if name not in UsageEvent.model_fields:
        return None
    if name in _NESTED and isinstance(value, dict):
        return dict(_pairs(islice(value.items(), _NESTED[name])))
    return _scalar(value)


def _pairs(items: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, Any]]:
    return ((text(name), _scalar(value)) for name, value in items)


def _scalar(value: Any) -> Any:
    if value is None or (isinstance(value, int) and abs(value) < _EXACT_INTEGER):
        return value
    if isinstance(value, list | dict):
        return None
    return text(str(value))


def _written(fields: dict[str, Any]) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
