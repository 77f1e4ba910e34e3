"""The keys of rows: organisation and name of the row, and one row a partition that says how far it was read."""

from __future__ import annotations

from collections.abc import Callable

from outlay_schemas.topics import KEY_SEPARATOR

_SEPARATOR = KEY_SEPARATOR.encode()


def row_key(org: str, name: str) -> bytes:
    """Return the key of a row of an organisation's book."""
    return f"{org}{KEY_SEPARATOR}{name}".encode()


def place_key(partition: int) -> bytes:
    """Return the key of the row that says how far a partition was read; no organisation has an empty name."""
    return f"{KEY_SEPARATOR}{partition}".encode()


def row_of(key: bytes) -> tuple[str, str]:
    """Return organisation and name of a row; the former is empty for the row of a partition."""
    org, _, name = key.partition(_SEPARATOR)
    return org.decode(), name.decode()


def partition_of(key: bytes, placed: Callable[[str], int]) -> int:
    """Return the partition a row belongs to; `placed` tells that of an organisation."""
    org, name = row_of(key)
    return placed(org) if org else int(name)
