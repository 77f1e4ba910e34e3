"""What an event may say beside provider, model and quantities, for type checkers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal, TypedDict


class Fields(TypedDict, total=False):
    """Fields of a usage event; `outlay.UsageEvent` says what each means."""

    id: str | None
    source: str | None
    time: datetime | str | None
    service_tier: str | None
    region: str | None
    operation: str | None
    business_unit: str | None
    department: str | None
    team: str | None
    project: str | None
    app: str | None
    env: str | None
    key: str | None
    user: str | None
    use_case: str | None
    tags: Mapping[str, object] | None
    latency_ms: int | None
    ttft_ms: int | None
    outcome: Literal["ok", "error"] | None
    estimated: bool | None
    request_id: str | None
    trace_id: str | None
    kind: Literal["usage", "invoice", "adjustment"] | None
    category: Literal["compute", "model_api", "data", "personnel", "tooling", "governance"] | None
    amount: Decimal | None
    provider_cost: Decimal | None
