"""Reading of responses, whether they are the objects of a provider's library or the mappings of their JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from outlay_schemas.units import QUANTITY_SCALE

Number = int | Decimal

MOST = 10**15
"""Largest quantity of an event."""

_NO_MODEL = object()


def get(value: Any, *path: str) -> Any:
    """Return what lies at the path; None where there is nothing."""
    for name in path:
        if value is None:
            return None
        value = value.get(name) if type(value) is dict or isinstance(value, Mapping) else _attribute(value, name)
    return value


def _attribute(value: Any, name: str) -> Any:
    """Return an attribute; of the models most libraries answer with, without the detour they take for a missing one."""
    fields = getattr(value, "__dict__", None)
    if fields is not None and name in fields:
        return fields[name]
    extra: Any = getattr(value, "__pydantic_extra__", _NO_MODEL)
    if extra is _NO_MODEL:
        return getattr(value, name, None)
    return None if extra is None else extra.get(name)


def first(value: Any, *names: str) -> Any:
    """Return the first of the names that holds something."""
    for name in names:
        if (found := get(value, name)) is not None:
            return found
    return None


def number(value: Any, places: int = QUANTITY_SCALE) -> Number | None:
    """Return a quantity exactly, to so many decimals; None when there is none.

    True, NaN, what is negative and what is beyond all use are none either.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    if isinstance(value, int):
        return value if 0 <= value <= MOST else None
    try:
        exact = Decimal(
            value if isinstance(value, str) else float.__repr__(value) if isinstance(value, float) else value
        )
    except InvalidOperation:
        return None
    if not exact.is_finite() or not 0 <= exact <= MOST:
        return None
    exact = exact if exact == round(exact, places) else round(exact, places)
    return int(exact) if exact == exact.to_integral_value() else exact.normalize()


def count(value: Any, *path: str) -> int:
    """Return a whole count at the path; 0 where there is none."""
    found = get(value, *path) if path else value
    if found is None:
        return 0
    if type(found) is int and 0 <= found <= MOST:
        return found
    exact = number(found)
    return 0 if exact is None else int(exact)


def text(value: Any, *path: str) -> str | None:
    """Return the text at the path; an enumeration's is its value. None where there is none."""
    found = get(value, *path)
    found = getattr(found, "value", found)
    return found if isinstance(found, str) and found else None


def items(value: Any, *path: str) -> Iterator[Any]:
    """Yield the elements at the path."""
    found = get(value, *path)
    if isinstance(found, Iterable) and not isinstance(found, str | bytes | Mapping):
        yield from found


def moment(value: Any) -> str | None:
    """Return a time given in seconds since the epoch as RFC 3339; None when there is none."""
    seconds = number(value)
    try:
        return (
            None if seconds is None else datetime.fromtimestamp(float(seconds), UTC).isoformat(timespec="milliseconds")
        )
    except (OverflowError, ValueError):
        return None


def money(value: Any) -> Decimal | None:
    """Return USD to the trillionth; None when there are none."""
    found = number(value, places=12)
    return None if found is None else Decimal(found)
