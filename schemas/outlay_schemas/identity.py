"""The identity of an event as a number: what finds an entry again. Needs xxhash."""

from __future__ import annotations

from xxhash import xxh3_64_intdigest

SEPARATOR = "\x1f"
"""Stands between the parts of an identity; no text of an event holds it."""


def id_hash(org: str, source: str, event_id: str) -> int:
    """Return XXH3-64 of the three joined by `SEPARATOR`: `event_ids.id_hash`, and `xxh3` in ClickHouse."""
    return xxh3_64_intdigest(SEPARATOR.join((org, source, event_id)).encode())
