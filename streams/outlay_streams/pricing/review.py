"""Looking a price book over: what an unknown name may have meant, and contract prices that clash or do nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from fnmatch import fnmatchcase
from itertools import combinations

from outlay_schemas.catalog import Price, SkuMatch
from outlay_streams.pricing.book import PriceBook
from outlay_streams.pricing.listed import PriceList
from outlay_streams.pricing.names import find_model, find_provider
from outlay_streams.pricing.qualifiers import canonical_tier
from outlay_streams.pricing.resolve import Reported


def suggestions(prices: PriceList, provider: str, model: str, *, most: int = 3) -> tuple[str, ...]:
    """Return `provider/model` names of the list that an unknown sku may have meant, likeliest first."""
    known = find_provider(prices.providers, provider, model)
    if known is not None:
        close = get_close_matches(model.strip().lower(), [each.id for each in known.models], n=most, cutoff=0.7)
        return tuple(f"{known.id}/{name}" for name in close)
    makers = [each for each in prices.providers if each.model_match and each.model_match.is_match(model.lower())]
    close = get_close_matches(provider.strip().lower(), [each.id for each in prices.providers], n=most, cutoff=0.7)
    named = [each for each in prices.providers if each.id in close]
    found = ((each.id, find_model(prices.providers, each, model, "")) for each in (*named, *makers))
    return tuple(dict.fromkeys(f"{name}/{hit.model.id}" for name, hit in found if hit is not None))[:most]


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two contract prices that say something about the same units of the same sku at the same time."""

    loser: str
    winner: str
    """The later document; it decides."""
    units: tuple[str, ...]
    """The units both name; empty when both mean every unit."""


def overlaps(contract: Sequence[Price]) -> Iterator[Overlap]:
    """Yield every pair of contract prices of which one hides part of the other."""
    for earlier, later in combinations(contract, 2):
        if _same_sku(earlier.sku, later.sku) and _same_time(earlier, later):
            mine, others = _units(earlier), _units(later)
            if mine is None and others is None:
                yield Overlap(earlier.id, later.id, ())
            elif shared := (mine or others or set()) & (others or mine or set()):
                yield Overlap(earlier.id, later.id, tuple(sorted(shared)))


def idle(book: PriceBook, used: Iterable[tuple[Reported, datetime]]) -> tuple[str, ...]:
    """Return the ids of contract prices that decide nothing about the skus in use, at the moments they were used."""
    deciding = set()
    for sku, instant in used:
        terms = book.resolve(sku, instant).terms
        deciding |= {line.contract for line in terms.lines} if terms else set()
    return tuple(each.price.id for each in book.contracts if each.price.id not in deciding)


def _units(price: Price) -> set[str] | None:
    """Return the units a price decides; None for all."""
    if price.discount is not None and not price.discount_units:
        return None
    return {*price.discount_units, *price.rates}


def _same_sku(one: SkuMatch, other: SkuMatch) -> bool:
    models = one.model.lower(), other.model.lower()
    return (
        one.provider.lower() == other.provider.lower()
        and (fnmatchcase(*models) or fnmatchcase(*reversed(models)))
        and _agree(
            one.service_tier and canonical_tier(one.service_tier),
            other.service_tier and canonical_tier(other.service_tier),
        )
        and _agree(one.region and one.region.lower(), other.region and other.region.lower())
    )


def _agree(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other


def _same_time(one: Price, other: Price) -> bool:
    return _before_end(one, other) and _before_end(other, one)


def _before_end(one: Price, other: Price) -> bool:
    return one.effective_from is None or other.effective_to is None or one.effective_from < other.effective_to
