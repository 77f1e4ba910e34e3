"""The qualifiers of a sku: service tiers under one set of names, and the list's price context they select."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from outlay_schemas.sku import STANDARD

_STANDARD = frozenset(
    {"", "auto", "default", "on_demand", "standard", "standard_only", "standard_on_demand", "unspecified"}
)
_SYNONYMS = {
    "batch_api": "batch",
    "batches": "batch",
    "on_demand_flex": "flex",
    "on_demand_offpeak": "offpeak",
    "on_demand_priority": "priority",
    "provisioned": "provisioned_throughput",
}

PREPAID = frozenset({"provisioned_throughput", "reserved", "scale"})
"""Tiers bought as capacity: their tokens have no list price, so only a contract price can price them."""

_BY_TIER = ("processing", "service_tier", "speed", "search_type")


def canonical_tier(tier: str | None) -> str:
    """Return the tier's one name: lower case with underscores, `standard` for every way to say nothing special."""
    name = (tier or "").strip().lower().replace("-", "_").replace(" ", "_")
    return STANDARD if name in _STANDARD else _SYNONYMS.get(name, name)


def price_context(conditions: Iterable[Mapping[str, str]], *, tier: str, region: str, operation: str) -> dict[str, str]:
    """Return the context that selects among a model's variants, given the conditions those have.

    The tier answers for `processing`, `service_tier`, `speed` and `search_type`, the operation for `search_type` when
    the tier does not, the region for `route` (`mistral/eu` is the route of `eu`).
    """
    context: dict[str, str] = {}
    for condition in conditions:
        for key, value in condition.items():
            if _selects(key, value, tier=tier, region=region, operation=operation):
                context.setdefault(key, value)
    return context


def _selects(key: str, value: str, *, tier: str, region: str, operation: str) -> bool:
    if key == "route":
        return bool(region) and (value == region or value.rpartition("/")[2] == region)
    if key == "search_type" and value == operation:
        return True
    return key in _BY_TIER and canonical_tier(value) == tier
