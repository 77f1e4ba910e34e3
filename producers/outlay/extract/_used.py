"""What a response says was used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import Any, Literal

from outlay.extract._read import Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """Disjoint quantities of one sku, as an event says them; a response that names several models gives several.

    `estimated` marks a lower bound: the stream was cut, or the provider's own numbers do not agree.
    """

    provider: str
    model: str
    quantities: Mapping[str, Number]
    id: str | None = None
    """Given where the same use can be read again and again, as from a batch; else every reading is a new event."""
    time: str | None = None
    """When it was used, where the response says so and may be read much later."""
    service_tier: str | None = None
    region: str | None = None
    operation: str | None = None
    request_id: str | None = None
    provider_cost: Decimal | None = None
    outcome: Literal["ok", "error"] = "ok"
    estimated: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)

    def fields(self) -> dict[str, Any]:
        """Return the fields of the event, without those that say nothing."""
        return {name: value for name in _NAMES if (value := getattr(self, name)) and value != "ok"}


Uses = tuple[Used, ...]
_NAMES = tuple(each.name for each in fields(Used))


def identified(uses: Uses, name: str | None, **more: Any) -> Uses:
    """Return the uses under ids that follow from the name, so that reading them again gives the same events."""
    return tuple(
        replace(each, id=name if name is None or not place else f"{name}-{place}", **more)
        for place, each in enumerate(uses)
    )


UNKNOWN = "unknown"
"""The model, where neither the response nor the caller names one; it has no price, which shows."""

UNMETERED = "unmetered_calls"
"""The unit of a call that nothing is known about; nothing prices it, so that it shows as unpriced and not as free."""
