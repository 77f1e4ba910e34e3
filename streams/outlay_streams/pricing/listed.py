"""The public price list: genai-prices' bundled data, compiled to terms one sku at a time, as they are asked for.

Units are matched by their dimensions, so a unit the list adds without a name here is an error at compile time, not a
silently missing price.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib.metadata import version
from typing import Any

from genai_prices.data_snapshot import get_snapshot
from genai_prices.data_units import unit_data
from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    PriceVariant,
    Provider,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

from outlay_schemas.sku import STANDARD
from outlay_schemas.units import LISTED
from outlay_streams.pricing.names import Named
from outlay_streams.pricing.qualifiers import PREPAID, canonical_tier, price_context
from outlay_streams.pricing.terms import Line, Minimum, Terms, Tier

LIST_NAME = "genai-prices"

DAY_MS = 86_400_000

Constraint = StartDateConstraint | TimeOfDateConstraint

_NAMES = {frozenset(each.dimensions.items()): name for name, each in LISTED.items()}

UNIT_OF_KEY: Mapping[str, tuple[str, int]] = {
    raw.get("price_key", key): (_NAMES[frozenset(raw["dimensions"].items())], raw["per"])
    for key, raw in unit_data.items()
}
"""Price key of the list to (unit, per): `cache_read_mtok` prices `cached_input_tokens` per 1,000,000."""

_MINIMUMS: Mapping[tuple[str, str], tuple[Minimum, ...]] = {
    ("groq", "whisper-large-v3"): (Minimum("audio_seconds", 10),),
    ("groq", "whisper-large-v3-turbo"): (Minimum("audio_seconds", 10),),
}
"""Billed minimums, as `genai_prices.types.ModelInfo.calc_price` applies them."""

_FREE = frozenset({("openai", "moderation")})
"""Free by their provider's own pages, though the list does not say it."""
_FREE_WORDS = (":free", "(free)", "free of charge", "included in the subscription")


@dataclass(frozen=True, slots=True)
class Qualifiers:
    """What moves a price beside provider and model, in canonical form."""

    service_tier: str = STANDARD
    region: str = ""
    operation: str = ""


@dataclass(frozen=True, slots=True)
class PriceList:
    """A dated public price list. Values of equal lists are shared by every price book over it."""

    providers: Sequence[Provider]
    version: str
    breaks: tuple[int, ...] = field(init=False, repr=False)
    """Instants (ms since the epoch) at which some price starts, ascending."""
    hours: tuple[int, ...] = field(init=False, repr=False)
    """Times of day (ms since UTC midnight) at which some price starts or ends, ascending."""

    def __post_init__(self) -> None:
        constraints = [each for provider in self.providers for each in _constraints(provider)]
        dates = {_midnight_ms(each.start_date) for each in constraints if isinstance(each, StartDateConstraint)}
        windows = [each for each in constraints if isinstance(each, TimeOfDateConstraint)]
        hours = {_of_day_ms(edge) for each in windows for edge in (each.start_time, each.end_time)}
        object.__setattr__(self, "breaks", tuple(sorted(dates)))
        object.__setattr__(self, "hours", tuple(sorted(hours)))

    @classmethod
    def bundled(cls) -> PriceList:
        """Return the list inside the installed genai-prices package; the first call reads it, about half a second."""
        return cls(get_snapshot().providers, version("genai-prices"))

    def terms(self, named: Named, qualifiers: Qualifiers, instant: datetime) -> Terms:
        """Return the list terms of a model at `instant` (aware)."""
        model, provider = named.model, named.provider
        prepaid = qualifiers.service_tier in PREPAID
        standard, constraint = _standard(model.prices, instant)
        variants = _variants(model.price_variants or (), qualifiers, instant) if named.is_own else []
        overrides: dict[str, Decimal | TieredPrices] = {}
        for variant in variants:
            for key, price in _priced(variant.prices).items():
                overrides.setdefault(key, price)
        prices = {} if prepaid else _priced(standard) | overrides
        source: dict[str, Any] = {"list": LIST_NAME, "version": self.version}
        source |= _span(model.prices, constraint, instant)
        when = {key: value for variant in variants for key, value in variant.when.items()} if overrides else {}
        if when:
            source["variant"] = {"when": when, "from": _variant_start(variants)}
        tiered = any(canonical_tier(value) == qualifiers.service_tier for key, value in when.items() if key != "route")
        return Terms(
            provider=provider.id,
            model=model.id,
            service_tier=qualifiers.service_tier if tiered or prepaid else STANDARD,
            region=qualifiers.region if "route" in when else "",
            lines=tuple(_line(key, price, variant=key in overrides) for key, price in prices.items()),
            minimums=_MINIMUMS.get((provider.id, model.id), ()),
            no_charge=not prices and not prepaid and _says_free(provider.id, model),
            source=source,
        )


def _says_free(provider: str, model: ModelInfo) -> bool:
    """Return whether the list says that a model without rates costs nothing, where it may just not know the price."""
    said = f"{model.id} {model.name or ''} {model.price_comments or ''}".lower()
    return (provider, model.id) in _FREE or any(words in said for words in _FREE_WORDS)


def _constraints(provider: Provider) -> Iterator[Constraint]:
    for model in provider.models:
        dated = model.prices if isinstance(model.prices, list) else []
        for each in (*dated, *(model.price_variants or ())):
            if each.constraint is not None:
                yield each.constraint


def _standard(prices: ModelPrice | list[ConditionalPrice], instant: datetime) -> tuple[ModelPrice, Constraint | None]:
    """Return the price that holds at `instant`: the last whose constraint does, else the first (as `get_prices`)."""
    if isinstance(prices, ModelPrice):
        return prices, None
    for each in reversed(prices):
        if each.constraint is None or each.constraint.active(instant):
            return each.prices, each.constraint
    return prices[0].prices, None


def _variants(every: Sequence[PriceVariant], qualifiers: Qualifiers, instant: datetime) -> list[PriceVariant]:
    context = price_context(
        (variant.when for variant in every),
        tier=qualifiers.service_tier,
        region=qualifiers.region,
        operation=qualifiers.operation,
    )
    return [
        variant
        for variant in every
        if (variant.constraint is None or variant.constraint.active(instant))
        and all(context.get(key) == value for key, value in variant.when.items())
    ]


def _priced(prices: ModelPrice) -> dict[str, Decimal | TieredPrices]:
    return {key: price for key, price in vars(prices).items() if price is not None}


def _line(key: str, price: Decimal | TieredPrices, *, variant: bool) -> Line:
    name, per = UNIT_OF_KEY[key]
    if isinstance(price, Decimal):
        return Line(unit=name, usd=price, per=per, variant=variant)
    tiers = tuple(Tier(tier.start, tier.price) for tier in price.tiers)
    return Line(unit=name, usd=price.base, per=per, tiers=tiers, variant=variant)


def _span(
    prices: ModelPrice | list[ConditionalPrice], constraint: Constraint | None, instant: datetime
) -> dict[str, str | None]:
    """Return from and until which date, and at which hours (UTC), the price holds, as far as the list says."""
    dated = prices if isinstance(prices, list) else []
    starts = sorted(each.constraint.start_date for each in dated if isinstance(each.constraint, StartDateConstraint))
    today = instant.astimezone(UTC).date()
    hours = None
    if isinstance(constraint, TimeOfDateConstraint):
        hours = "-".join(edge.strftime("%H:%M") for edge in (constraint.start_time, constraint.end_time))
    return {
        "from": constraint.start_date.isoformat() if isinstance(constraint, StartDateConstraint) else None,
        "until": min((start.isoformat() for start in starts if start > today), default=None),
        "hours": hours,
    }


def _midnight_ms(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY_MS


def _of_day_ms(edge: time) -> int:
    """Return the edge of a window in ms since UTC midnight; a naive edge is UTC."""
    aware = edge if edge.tzinfo else edge.replace(tzinfo=UTC)
    utc = datetime.combine(date(1970, 1, 1), aware).astimezone(UTC)
    return (utc.hour * 3600 + utc.minute * 60 + utc.second) * 1000 + utc.microsecond // 1000


def _variant_start(variants: Sequence[PriceVariant]) -> str | None:
    starts = [each.constraint.start_date for each in variants if isinstance(each.constraint, StartDateConstraint)]
    return max(starts).isoformat() if starts else None
