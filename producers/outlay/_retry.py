"""When to try again: full jitter, never sooner than the server asks.

Full jitter as in "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015); Retry-After as in RFC 9110, 10.2.3.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

RETRIED = frozenset({429, 502, 503, 504})
"""Statuses after which nothing is known to be wrong with the request."""

LONGEST_ASKED = 3600.0
"""Seconds after which to come back however long the server asked to be left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often to try and how long to wait, in seconds."""

    attempts: int = 8
    first: float = 0.25
    """Upper bound of the first wait; it doubles with every attempt."""
    longest: float = 20.0
    """Upper bound of any wait the server did not ask for."""
    draw: Callable[[], float] = random.random
    """A number in [0, 1)."""

    def wait(self, attempt: int, asked: float | None) -> float:
        """Return the seconds to wait after `attempt` (1 for the first) failed, at least the `asked` ones."""
        bound: float = min(self.longest, self.first * 2 ** (attempt - 1))
        return (asked or 0.0) + bound * self.draw()


def asked_wait(header: str | None, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float | None:
    """Return the seconds, an hour at most, that a Retry-After header asks for, itself or by date; None for nothing."""
    seconds = None if header is None else _seconds(header, now)
    return None if seconds is None or math.isnan(seconds) else min(max(0.0, seconds), LONGEST_ASKED)


def _seconds(header: str, now: Callable[[], datetime]) -> float | None:
    try:
        return float(header)
    except ValueError:
        pass
    try:
        return (parsedate_to_datetime(header) - now()).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
