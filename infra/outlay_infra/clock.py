"""The system's clock: the only place that reads the time of day."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """The machine's clock, as an aware UTC instant."""

    __slots__ = ()

    def now(self) -> datetime:
        """Return the current instant, aware UTC."""
        return datetime.now(UTC)
