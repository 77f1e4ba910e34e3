"""The JSON documents of the price routes, as OpenAPI shows them."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, JsonValue

from outlay_api.instant import Instant

_RATES: list[JsonValue] = [
    {"unit": "input_tokens", "usd": "2.5", "per": 1000000},
    {"unit": "output_tokens", "usd": "10", "per": 1000000},
]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class KeptPrice(_Document):
    """A price as it is kept for ever: what an entry's `price_id` resolves to."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "price_id": "p_83cd9153879ea8fee6b6",
                    "price": {"provider": "openai", "model": "gpt-4o", "currency": "USD", "rates": _RATES},
                }
            ]
        }
    )

    price_id: str
    """Digest of the terms: equal terms have equal ids."""
    price: dict[str, JsonValue]
    """The terms: rates with tiers and discounts, minimums, and where they come from."""


class SkuPrice(_Document):
    """What a sku is called and costs at one moment."""

    at: Instant
    """The moment asked about."""
    provider: str
    """The canonical name, as are the next three."""
    model: str
    service_tier: str
    region: str
    category: str | None
    price_id: str | None
    """Null when nothing prices the sku."""
    price: dict[str, JsonValue] | None
    """The terms, contract prices of the organisation included."""
    reason: str | None
    """Why there is no price."""


class PriceListState(_Document):
    """The public price list in use."""

    name: str
    version: str
    newest_change: date | None
    """The day of the newest price change it knows and that is in force."""
    age_days: int | None
    """Days since then."""


class UnpricedSku(_Document):
    """Usage that is counted and has no known amount."""

    provider: str
    model: str
    service_tier: str
    region: str
    reason: str
    """What is missing; add a price to the catalog or correct the name at the producer."""
    entries: int
    calls: int
    last: Instant
    """The newest use."""


class PriceCheck(_Document):
    """How old the price list is and what it does not price."""

    price_list: PriceListState
    unpriced: list[UnpricedSku]
    """Of the window, most entries first; at most 1,000."""


class RateChange(_Document):
    """One unit's rate then and now, each as in a price's `rates`; null where there is none."""

    unit: str
    before: dict[str, JsonValue] | None
    after: dict[str, JsonValue] | None


class PriceChange(_Document):
    """A sku whose entries were counted at other terms than it has now."""

    provider: str
    """As reported by the producer, as is the next."""
    model: str
    service_tier: str
    region: str
    operation: str
    entries: int
    amount: str | None
    """USD booked at the terms of then; null when unpriced."""
    last: Instant
    """The newest use; the terms of now are those for that moment."""
    used_price_id: str | None
    current_price_id: str | None
    rates: list[RateChange]


class PriceDiff(_Document):
    """What would be priced differently now. Amounts already booked stay as they are."""

    compared: int
    """How many sku and price pairs of the window were compared."""
    data: list[PriceChange]
