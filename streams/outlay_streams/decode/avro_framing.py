"""Which events of a batch share a framing, and so a writer schema."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

from outlay_schemas.codec import CONFLUENT, SINGLE_OBJECT

JSON = b"{"
ARRAY = b"["
_GUID = b"\x01"
_LENGTHS = {CONFLUENT: 5, JSON: 1, ARRAY: 1, _GUID: 1}
_OTHER = frozenset((*_LENGTHS, SINGLE_OBJECT[:1]))


def mark_of(value: bytes) -> bytes:
    """Return the framing in front of an event: nothing for plain Avro, the opening bracket for JSON."""
    return value[: 10 if value.startswith(SINGLE_OBJECT) else _LENGTHS.get(value[:1], 0)]


def by_mark(values: Sequence[bytes]) -> dict[bytes, Sequence[int]]:
    """Return the positions of the events of each framing, in order."""
    if not values:
        return {}
    first = mark_of(values[0])
    alike = all(map(bytes.startswith, values, repeat(first))) if first else _OTHER.isdisjoint(_heads(values))
    if alike:
        return {first: range(len(values))}
    found: dict[bytes, list[int]] = {}
    for position, value in enumerate(values):
        found.setdefault(mark_of(value), []).append(position)
    return dict(found)


def _heads(values: Sequence[bytes]) -> set[bytes]:
    return {value[:1] for value in values}
