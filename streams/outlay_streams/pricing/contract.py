"""Contract prices: what an organisation's catalog says over, or beside, the public list.

Documents apply in order and the last one that says something about a unit decides it: an own rate stands as it is, a
discount takes its percent off the *list* rate (discounts do not add up). Within one document own rates win over its
discount. A unit named by a discount without a list rate of its own takes the rate that covers it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase

from outlay_schemas.catalog import Price
from outlay_schemas.sku import STANDARD
from outlay_streams.pricing.qualifiers import canonical_tier
from outlay_streams.pricing.terms import Line, Terms


@dataclass(frozen=True, slots=True)
class Names:
    """What a contract's sku may name: every name the provider and the model of an event go by, in lower case."""

    providers: frozenset[str]
    models: frozenset[str]
    service_tier: str
    region: str


@dataclass(frozen=True, slots=True)
class Contract:
    """A catalog price, ready to match: `providers` are the names its provider goes by, in lower case."""

    price: Price
    providers: frozenset[str]

    def holds(self, names: Names, instant: datetime) -> bool:
        """Return whether the price is for the sku and in effect at `instant` (aware).

        Its model is a glob; an absent qualifier matches every value.
        """
        sku = self.price.sku
        return (
            not self.providers.isdisjoint(names.providers)
            and any(fnmatchcase(model, sku.model.strip().lower()) for model in names.models)
            and (sku.service_tier is None or canonical_tier(sku.service_tier) == names.service_tier)
            and (sku.region is None or sku.region.strip().lower() == names.region)
            and self.price.effective(instant)
        )


def own_terms(prices: Sequence[Price]) -> Terms | None:
    """Return the terms of a sku no list knows, from contract prices alone; None when none of them has rates."""
    rated = [price for price in prices if price.rates]
    if not rated:
        return None
    sku = rated[-1].sku
    bare = Terms(provider=sku.provider, model=sku.model, service_tier=STANDARD, region="", lines=())
    return contracted(bare, prices)


def contracted(terms: Terms, prices: Sequence[Price]) -> Terms:
    """Return `terms` with the contract `prices` (those in effect for the sku, in order) applied."""
    listed = {line.unit: line for line in terms.lines}
    lines = dict(listed)
    for price in prices:
        lines |= _discounts(terms, price) | _rates(price)
    deciding = {line.contract for line in lines.values()}
    used = [price for price in prices if price.id in deciding]
    if not used:
        return terms
    return replace(
        terms,
        service_tier=_qualifier(terms.service_tier, (canonical_tier(each.sku.service_tier) for each in used)),
        region=_qualifier(terms.region, (each.sku.region or "" for each in used)),
        lines=tuple(lines.values()),
        source={**terms.source, "contracts": [_source(price) for price in used]},
    )


def category(prices: Sequence[Price]) -> str | None:
    """Return the cost category that the last price with one gives."""
    return next((price.category for price in reversed(prices) if price.category is not None), None)


def _rates(price: Price) -> dict[str, Line]:
    return {name: Line(unit=name, usd=usd, per=price.per, contract=price.id) for name, usd in price.rates.items()}


def _discounts(listed: Terms, price: Price) -> dict[str, Line]:
    if price.discount is None:
        return {}
    lines = {}
    for name in price.discount_units or [line.unit for line in listed.lines]:
        line = listed.line_for(name)
        if line is not None:
            lines[name] = replace(line, unit=name, discount=price.discount, contract=price.id)
    return lines


def _qualifier(value: str, others: Iterable[str]) -> str:
    """Return the most telling qualifier: what a price was chosen by, else what the list terms have."""
    return next((other for other in others if other not in ("", STANDARD)), value)


def _source(price: Price) -> dict[str, str | None]:
    return {
        "id": price.id,
        "from": price.effective_from.isoformat() if price.effective_from else None,
        "to": price.effective_to.isoformat() if price.effective_to else None,
    }
