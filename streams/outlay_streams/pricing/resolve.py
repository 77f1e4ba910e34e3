"""From what an event says it used to what it is called and costs: once per distinct sku and moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from outlay_streams.pricing.category import MODEL_API
from outlay_streams.pricing.contract import Contract, Names, category, contracted, own_terms
from outlay_streams.pricing.listed import PriceList, Qualifiers
from outlay_streams.pricing.names import Named, find_model, find_provider, is_fine_tuned
from outlay_streams.pricing.qualifiers import PREPAID, canonical_tier
from outlay_streams.pricing.terms import Terms


@dataclass(frozen=True, slots=True)
class Reported:
    """A sku as an event reports it; None is unknown."""

    provider: str
    model: str
    service_tier: str | None = None
    region: str | None = None
    operation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A sku under its canonical names, with its terms at the moment asked for or the reason that there are none."""

    provider: str
    model: str
    service_tier: str
    region: str
    category: str | None
    """What the price or the list says; None when the units must tell."""
    terms: Terms | None
    reason: str = ""


def resolve(prices: PriceList, contracts: Sequence[Contract], sku: Reported, instant: datetime) -> Resolved:
    """Return the canonical names and the terms of `sku` at `instant` (aware)."""
    provider_name, model_name = sku.provider.strip(), sku.model.strip()
    tier, region = canonical_tier(sku.service_tier), (sku.region or "").strip().lower()
    provider = find_provider(prices.providers, provider_name, model_name)
    named = find_model(prices.providers, provider, model_name, region) if provider else None
    region = region or (named.region if named else "")
    names = Names(
        providers=frozenset({provider_name.lower(), *({provider.id} if provider else ())}),
        models=frozenset({model_name.lower(), *({named.model.id.lower()} if named else ())}),
        service_tier=tier,
        region=region,
    )
    agreed = [each.price for each in contracts if each.holds(names, instant)]
    if named:
        listed = prices.terms(named, Qualifiers(tier, region, (sku.operation or "").strip().lower()), instant)
        terms: Terms | None = contracted(listed, agreed)
    else:
        terms = own_terms(agreed)
    reason = (
        ""
        if terms and (terms.lines or terms.no_charge)
        else _reason(sku, provider.id if provider else None, named, tier)
    )
    return Resolved(
        provider=provider.id if provider else provider_name.lower(),
        model=named.model.id if named else model_name,
        service_tier=tier,
        region=region,
        category=category(agreed) or (MODEL_API if named else None),
        terms=None if reason else terms,
        reason=reason,
    )


def _reason(sku: Reported, provider: str | None, named: Named | None, tier: str) -> str:
    if named and tier in PREPAID:
        return f"no_price_for_tier: {tier}"
    if provider is None:
        return f"unknown_provider: {sku.provider.strip()}"
    if named:
        return f"no_rate_listed: {provider}/{named.model.id}"
    code = "unknown_fine_tune" if is_fine_tuned(sku.model) else "unknown_model"
    return f"{code}: {provider}/{sku.model.strip()}"
