"""What the parts of the role hand to each other, so that none but one of them has to know Faust."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from outlay_streams.runtime.faust_budgets.keys import Keys

KeyedRows = Mapping[bytes, bytes]
"""Rows of a partition, by key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A record of cells: those of one block and organisation."""

    partition: int
    offset: int
    org: str
    headers: Mapping[str, bytes]
    value: bytes
    at: datetime
    """When it was written, aware UTC: the time of the stream."""
    event: Any = None
    """The library's own, by which it is acknowledged; None for a record read beside the group."""


class Outlet(Protocol):
    """Where rows and states go."""

    keys: Keys

    async def keep(self, partition: int, rows: Mapping[bytes, bytes | None], /) -> None:
        """Write rows of one partition, None to delete one; return once the brokers have them."""
        ...

    async def publish(self, states: Mapping[bytes, bytes | None], /) -> None:
        """Write states, None to delete one; return once the brokers have them."""
        ...

    def acknowledge(self, cells: Received, /) -> None:
        """Say that a record of cells need not be read again."""
        ...
