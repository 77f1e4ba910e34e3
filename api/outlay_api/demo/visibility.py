"""How long it takes from the acknowledgement of an event until it is in the answers of `/v1/spend`."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field

from outlay_api.demo.feed import Counts
from outlay_api.demo.ledger import Ledger


@dataclass(slots=True, kw_only=True)
class Visibility:
    """Looks for every batch as soon as it is acknowledged; a lag is the time until the answer that has it is here."""

    ledger: Ledger
    counts: Counts
    baseline: int
    """Entries there were before `counts` began."""
    again: float = 0.01
    """Seconds between two looks for the same events."""
    lags: deque[float] = field(default_factory=lambda: deque(maxlen=1_000))

    async def follow(self) -> None:
        """Measure until cancelled."""
        while True:
            await self.counts.news.wait()
            self.counts.news.clear()
            accepted, at = self.counts.accepted, self.counts.acknowledged_at
            while await self.ledger.entries() < self.baseline + accepted:  # noqa: ASYNC110 - a server tells nobody
                await asyncio.sleep(self.again)
            self.lags.append(time.monotonic() - at)

    def percentile(self, percent: int) -> float | None:
        """Return the lag in seconds that `percent` of the latest ones do not exceed; None before the first."""
        ordered = sorted(self.lags)
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else None
