"""What a demonstration asks the API, and the answers it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

Document = Mapping[str, Any]

NEWEST = 6
"""Entries shown as they come in."""


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
    unpriced: Document
    """The month's entries without a price, by provider and model as they were reported."""
    account: Document
    """`/v1/conservation` of all that was received lately."""
    newest: Document
    """`/v1/events`: the newest entries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Asks the same questions again and again."""

    api: Api

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

    async def snapshot(self) -> Snapshot:
        """Ask everything."""
        by_team = {"group_by": "business_unit,team", "measures": "amount,calls"}
        without = {"group_by": "provider,model", "measures": "entries", "filter": "status:unpriced"}
        return Snapshot(
            month=await self.api.get("/v1/spend", period="month_to_date", **by_team),
            today=await self.api.get("/v1/spend", period="today", **by_team),
            unpriced=await self.api.get("/v1/spend", period="month_to_date", **without),
            account=await self.api.get("/v1/conservation", period="last_30_days"),
            newest=await self.api.get("/v1/events", period="last_30_days", limit=NEWEST),
        )


def first_of_previous_month(now: datetime) -> datetime:
    """Return the first instant of the UTC month before `now`'s."""
    midnight = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (midnight - timedelta(days=1)).replace(day=1)
