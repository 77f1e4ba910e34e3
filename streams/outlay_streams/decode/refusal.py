"""Why an event is refused, in words a person can act on: the place, the value and the fix."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from outlay_schemas.units import CALLS, FREQUENT, UNIT_NAME
from outlay_schemas.usage import UsageEvent
from outlay_streams.decode.json_text import kind_of

_KEY = "[key]"
_SHOWN = 48
_UNITS = (*FREQUENT, CALLS)
_MEANT = {
    "timestamp": "time",
    "ts": "time",
    "tier": "service_tier",
    "metadata": "tags",
    "labels": "tags",
    "cost": "provider_cost",
    "duration_ms": "latency_ms",
    "user_id": "user",
    "api_key": "key",
    "environment": "env",
    "prompt_tokens": "quantities.input_tokens",
    "completion_tokens": "quantities.output_tokens",
}

_RFC_3339 = "RFC 3339 with an offset, like 2026-11-23T00:00:01.840Z"


@dataclass(frozen=True, slots=True)
class _Found:
    """One fault of pydantic's: its kind and context, the dotted name of the place, and the value there."""

    kind: str
    name: str
    value: Any
    context: Mapping[str, Any]
    message: str


def explain(error: ValidationError, event: dict[str, Any]) -> tuple[str, str]:
    """Return where the first fault lies (RFC 6901, inside the event) and why; tells how many more there are."""
    faults = error.errors(include_url=False, include_input=False)
    fault = next((one for one in faults if one["type"] == "extra_forbidden"), faults[0])
    place: list[int | str] = [part for part in fault["loc"] if part != _KEY] or ["amount"]
    named = fault["loc"][-1:] == (_KEY,)
    found = _Found(
        kind=fault["type"],
        name=".".join(_short(str(part)) for part in place) + (" (the name)" if named else ""),
        value=place[-1] if named else _at(event, place),
        context=fault.get("ctx", {}),
        message=fault["msg"],
    )
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return pointer(place), _reason(found) + more


def pointer(place: Sequence[int | str]) -> str:
    """Write a path as an RFC 6901 pointer."""
    return "".join(f"/{_short(str(part)).replace('~', '~0').replace('/', '~1')}" for part in place)


def _reason(found: _Found) -> str:
    if found.kind.startswith("datetime"):
        return f"{found.name} is {_shown(found.value)}; write {_RFC_3339}"
    said = _REASONS.get(found.kind)
    return (
        said(found)
        if said
        else f"{found.name} is {_shown(found.value)}: {found.message[:1].lower()}{found.message[1:]}"
    )


def _unknown_field(found: _Found) -> str:
    name = found.name
    if name == "specversion":
        return "this looks like a CloudEvent; send it as Content-Type application/cloudevents+json"
    if name in _UNITS:
        return f"unknown field {name!r}; counts belong in quantities, as in {{'quantities': {{{name!r}: 1}}}}"
    meant = _MEANT.get(name) or _closest(name, tuple(UsageEvent.model_fields))
    hint = f"did you mean {meant!r}?" if meant else "free values belong in tags, counts in quantities"
    return f"unknown field {name!r}; {hint}"


def _bad_pattern(found: _Found) -> str:
    if found.name.startswith("quantities."):
        return _bad_unit(str(found.value))
    return f"{found.name} holds a control character; remove it"


def _bad_unit(name: str) -> str:
    folded = name.lower().replace("-", "_").replace(" ", "_")
    meant = _closest(folded, _UNITS) or (folded if UNIT_NAME.fullmatch(folded) else None)
    hint = f"; did you mean {meant!r}?" if meant else ""
    return f"unit {_short(name)!r} is not lower-case letters, digits and underscores{hint}"


@lru_cache(maxsize=1024)
def _closest(name: str, known: tuple[str, ...]) -> str | None:
    return next(iter(get_close_matches(name[:_SHOWN].lower(), known, n=1, cutoff=0.75)), None)


def _at(event: Any, place: Sequence[int | str]) -> Any:
    for part in place:
        if not isinstance(event, dict) or part not in event:
            return None
        event = event[part]
    return event


def _shown(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | Decimal():
            return _short(str(value))
        case str():
            return repr(_short(value))
        case _:
            return kind_of(value)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


_REASONS: Mapping[str, Callable[[_Found], str]] = {
    "missing": lambda found: f"{found.name} is required",
    "extra_forbidden": _unknown_field,
    "value_error": lambda found: found.message.removeprefix("Value error, "),
    "string_pattern_mismatch": _bad_pattern,
    "string_too_long": lambda found: (
        f"{found.name} has {len(found.value)} characters; at most {found.context['max_length']} are kept"
    ),
    "string_too_short": lambda found: f"{found.name} is empty; leave it out or give a value",
    "too_long": lambda found: (
        f"{found.name} has {len(found.value)} entries; at most {found.context['max_length']} are kept"
    ),
    "timezone_aware": lambda found: f"{found.name} is {_shown(found.value)} without an offset; write {_RFC_3339}",
}
