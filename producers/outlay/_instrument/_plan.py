"""How a client is metered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the caller of `instrument` said."""

    provider: str | None = None
    """Who bills the calls; None leaves it to the client's class or address."""
    stream_usage: bool | None = None
    """Whether chat streams are asked for their usage; None where that is known to work."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Fields of every event."""
