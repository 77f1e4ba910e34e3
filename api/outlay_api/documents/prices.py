"""The JSON documents of the price routes, as OpenAPI shows them."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, JsonValue

from outlay_api.http.instant import Instant

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
    suggestions: list[str]
    """Names of the list, as `provider/model`, that may have been meant, likeliest first; of the 50 most used."""


class ContractOverlap(_Document):
    """Two contract prices for the same units of the same sku at the same time."""

    loser: str
    winner: str
    """The later in the catalog; it decides."""
    units: list[str]
    """The units both name; empty when both mean every unit."""


class PriceCheck(_Document):
    """How old the price list is, what it does not price, and which contract prices clash or do nothing."""

    price_list: PriceListState
    unpriced: list[UnpricedSku]
    """Of the window, most entries first; at most 1,000."""
    overlaps: list[ContractOverlap]
    """Of the whole contract; at most 1,000."""
    idle: list[str] | None
    """Ids of contract prices that decided nothing about what was used in the window: misspelt, ended, or hidden by
    later ones. Null when more than 1,000 skus were used."""


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
