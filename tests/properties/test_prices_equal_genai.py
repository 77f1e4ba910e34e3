"""Every model of genai-prices, priced here and there: the amounts agree to the last digit.

Our quantities are disjoint, genai's usage is inclusive, so each of its counts is the sum of ours at and below it. Its
decimals run at 150 digits; then its result is rounded half-even once to 12 decimals.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import pytest
from genai_prices.data_snapshot import get_snapshot
from genai_prices.data_units import unit_data
from genai_prices.types import (
    ClauseEquals,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    TieredPrices,
    Usage,
)

from outlay_schemas.money import to_pico
from outlay_schemas.units import CALLS, FREQUENT, LISTED
from outlay_streams.pricing import PriceBook, PriceList, Terms, bill
from tests import builders

PLAIN_CASES, DATED_CASES = 4, 20
"""Cases a model: more where dates, hours or variants move its price."""
PICO_USD = Decimal("1e-12")
WIDTHS = (1, 10, 4_000, 300_000, 10**9, 10**13)

_DIMENSIONS = {key: frozenset(raw["dimensions"].items()) for key, raw in unit_data.items()}
_KEY_OF_PRICE = {raw.get("price_key", key): key for key, raw in unit_data.items()}


def _by_exact_name(provider: Provider) -> Provider:
    """Match every model by its id alone, so that no other model's looser match hides it."""
    return replace(provider, models=[replace(each, match=ClauseEquals(each.id)) for each in provider.models])


PROVIDERS = [_by_exact_name(provider) for provider in get_snapshot().providers]
BOOK = PriceBook.compile(prices=PriceList(PROVIDERS, "0"))


@dataclass(frozen=True)
class Case:
    model: ModelInfo
    time: datetime
    quantities: dict[str, Decimal]
    context: dict[str, str]
    event: dict[str, str]

    def row(self, provider: str) -> builders.Row:
        frequent = {name: int(self.quantities.get(name, 0)) for name in FREQUENT}
        listed = {name: quantity for name, quantity in self.quantities.items() if name not in FREQUENT}
        named = {"provider": provider, "model": self.model.id, "time": self.time}
        return {**named, **frequent, "quantities": listed, **self.event}

    def expected(self, provider: Provider) -> Decimal:
        inclusive = {}
        for key, dimensions in _DIMENSIONS.items():
            parts = [n for name, n in self.quantities.items() if dimensions <= LISTED[name].dimensions.items()]
            if key != CALLS:
                inclusive[key] = sum(parts, start=Decimal(0))
        with localcontext(prec=150):
            priced = self.model.calc_price(
                Usage(**inclusive), provider, genai_request_timestamp=self.time, price_context=self.context
            )
            return priced.total_price.quantize(PICO_USD, ROUND_HALF_EVEN)


def cases(model: ModelInfo, rng: random.Random) -> Iterator[Case]:
    """Draw moments at and around every change of the price, every variant, and inputs around every context tier."""
    for _ in range(DATED_CASES if isinstance(model.prices, list) or model.price_variants else PLAIN_CASES):
        time = rng.choice(_moments(model, rng))
        context, event = rng.choice(_contexts(model))
        price = model.get_prices(time, context)
        units = _covered(price)
        chosen = rng.sample(units, rng.randint(0, min(5, len(units))))
        quantities = {name: _quantity(name, rng) for name in chosen}
        starts = [start for start in _tier_starts(price) if start]
        if starts and rng.random() < 0.8:
            quantities = _at_edge(quantities, rng.choice(starts) + rng.choice((-1, 0, 1)), rng)
        yield Case(model, time, quantities, context, event)


def _moments(model: ModelInfo, rng: random.Random) -> list[datetime]:
    moments = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(milliseconds=rng.randrange(4 * 365 * 86_400_000))]
    dated = model.prices if isinstance(model.prices, list) else []
    for constraint in [each.constraint for each in (*dated, *(model.price_variants or ())) if each.constraint]:
        if isinstance(constraint, StartDateConstraint):
            edges = [datetime.combine(constraint.start_date, datetime.min.time(), UTC)]
        else:
            day = moments[0].date()
            edges = [datetime.combine(day, edge) for edge in (constraint.start_time, constraint.end_time)]
        moments += [edge + timedelta(milliseconds=shift) for edge in edges for shift in (-1, 0, 1, 90_000_000)]
    return moments


def _contexts(model: ModelInfo) -> list[tuple[dict[str, str], dict[str, str]]]:
    contexts: list[tuple[dict[str, str], dict[str, str]]] = [
        ({}, {}),
        ({}, {"service_tier": "auto"}),
        ({}, {"service_tier": "something-else", "region": "eu-west-1"}),
    ]
    fields = {"route": "region", "search_type": "operation"}
    for variant in model.price_variants or ():
        event = {fields.get(key, "service_tier"): value for key, value in variant.when.items()}
        contexts.append((dict(variant.when), event))
    return contexts


def _covered(price: ModelPrice) -> list[str]:
    """Return the units that genai's own prices cover; what it leaves out it counts as nothing, which is not our way."""
    priced = [_DIMENSIONS[_KEY_OF_PRICE[key]] for key in _rated(price)]
    return [
        name
        for name, unit in LISTED.items()
        if name != CALLS and (not priced or any(dimensions <= unit.dimensions.items() for dimensions in priced))
    ]


def _rated(price: ModelPrice) -> list[str]:
    return [key for key, value in vars(price).items() if value is not None]


def _tier_starts(price: ModelPrice) -> list[int]:
    return [tier.start for value in vars(price).values() if isinstance(value, TieredPrices) for tier in value.tiers]


def _quantity(name: str, rng: random.Random) -> Decimal:
    quantity = Decimal(rng.randrange(rng.choice(WIDTHS)))
    if name not in FREQUENT and rng.random() < 0.3:
        quantity += Decimal(rng.randrange(10**9)).scaleb(-9)
    return quantity


def _at_edge(quantities: dict[str, Decimal], tokens: int, rng: random.Random) -> dict[str, Decimal]:
    """Return `quantities` with `tokens` input tokens in all, in a random split."""
    inputs = [name for name in quantities if LISTED[name].is_input] or ["input_tokens"]
    split = {name: Decimal(0) for name in inputs}
    left = tokens
    for name in inputs[:-1]:
        split[name] = Decimal(rng.randint(0, left))
        left -= int(split[name])
    split[inputs[-1]] = Decimal(left)
    return {**quantities, **split}


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.id)
def test_every_model_costs_what_genai_says_and_its_record_says_the_same(provider: Provider) -> None:
    rng = random.Random(provider.id)
    drawn = [case for model in provider.models for case in cases(model, rng)]
    priced = BOOK.price(builders.usage(*(case.row(provider.id) for case in drawn))).to_pylist()
    for case, row in zip(drawn, priced, strict=True):
        told = (case.model.id, case.time, case.event, case.quantities, row)
        assert row["model"] == case.model.id, told
        if row["reason"].startswith("no_rate_listed"):
            assert not _rated(case.model.get_prices(case.time, case.context)), told
            continue
        assert row["amount"] == case.expected(provider), told
        again = bill(Terms.from_body(BOOK.record(row["price_id"]).body), case.quantities, 1)
        assert again.pico == to_pico(row["amount"]), told


def test_a_model_without_rates_is_free_only_where_the_list_says_so() -> None:
    names = [
        ("openrouter", "qwen/qwq-32b:free"),
        ("github-copilot", "gpt-4.1"),
        ("openai", "moderation"),
        ("cerebras", "qwen-3-coder-480b"),
        ("openrouter", "google/lyria-3-pro-preview"),
    ]
    rows = BOOK.price(builders.usage(*({"provider": a, "model": b, "input_tokens": 9} for a, b in names))).to_pylist()
    assert [(row["status"], row["amount"]) for row in rows] == [("free", 0)] * 3 + [("unpriced", None)] * 2
    assert rows[3]["reason"] == "no_rate_listed: cerebras/qwen-3-coder-480b"


def test_the_list_is_whole() -> None:
    assert len(PROVIDERS) >= 47
    assert sum(len(provider.models) for provider in PROVIDERS) >= 2_330
