"""What a demonstration asks the API, and the answers it shows."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from outlay_api.demo.feed import Counts

Document = Mapping[str, Any]


class Api(Protocol):
    """The reading side of the API; a command's connection is one."""

    async def get(self, path: str, **parameters: Any) -> Any:
        """Return the JSON answer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The ledger at one moment."""

    month: Document
    """`/v1/spend` by team, month to date."""
    today: Document
    """The same for today."""
    account: Document
    """`/v1/conservation` of all that was received lately."""
    lag: float | None
    """Seconds from the newest acknowledgement until its events were seen in `/v1/spend`; None when nothing was new."""


@dataclass(slots=True, kw_only=True)
class Ledger:
    """Asks the same questions again and again."""

    api: Api
    seen: int = 0
    """Entries of the last answer."""

    async def newest(self) -> datetime | None:
        """Return the time of the newest entry of the last month, or None."""
        document = await self.api.get("/v1/events", period="last_30_days", limit=1)
        return datetime.fromisoformat(document["data"][0]["time"]) if document["data"] else None

    async def entries(self) -> int:
        """Return how many entries the ledger has, whatever their time."""
        ends = {"from": "2000-01-01", "to": "2100-01-01"}
        document = await self.api.get("/v1/spend", measures="entries", **ends)
        return int(document["totals"]["entries"])

    async def received(self) -> int:
        """Return how many events were received lately."""
        document = await self.api.get("/v1/conservation", period="last_30_days")
        return int(document["totals"]["received"])

    async def snapshot(self, counts: Counts, baseline: int) -> Snapshot:
        """Ask everything; `baseline` is how many entries there were before `counts` began."""
        accepted, at = counts.accepted, counts.acknowledged_at
        visible = await self.entries() - baseline
        lag = time.monotonic() - at if accepted and self.seen < accepted <= visible else None
        self.seen = min(accepted, visible)
        by_team = {"group_by": "business_unit,team", "measures": "amount,calls"}
        return Snapshot(
            month=await self.api.get("/v1/spend", period="month_to_date", **by_team),
            today=await self.api.get("/v1/spend", period="today", **by_team),
            account=await self.api.get("/v1/conservation", period="last_30_days"),
            lag=lag,
        )


def first_of_previous_month(now: datetime) -> datetime:
    """Return the first instant of the UTC month before `now`'s."""
    midnight = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (midnight - timedelta(days=1)).replace(day=1)
