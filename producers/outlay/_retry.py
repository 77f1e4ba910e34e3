"""When to try again: full jitter, never sooner than the server asks.

Full jitter as in "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015); Retry-After as in RFC 9110, 10.2.3.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

RETRIED = frozenset({429, 502, 503, 504})
"""Statuses after which nothing is known to be wrong with the request."""


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
    """Return the seconds a Retry-After header asks for (seconds or an HTTP date); None when it says nothing."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(header) - now()).total_seconds())
    except (ValueError, TypeError):
        return None
