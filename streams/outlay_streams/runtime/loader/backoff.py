"""How long to wait before the next attempt: exponential, with full jitter, so that many loaders do not return at once.

Full jitter: a uniform draw below the exponential bound (M. Brooker, Exponential Backoff And Jitter, AWS 2015).
"""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Seconds to wait after each failure in a row."""

    first: float = 0.2
    longest: float = 15.0
    failures: int = 0

    def fail(self) -> float:
        """Count a failure and return how long to wait."""
        bound = min(self.longest, self.first * 2 ** min(self.failures, 30))
        self.failures += 1
        return random.uniform(0, bound)  # noqa: S311 - nothing secret

    def succeed(self) -> None:
        """Forget the failures."""
        self.failures = 0
