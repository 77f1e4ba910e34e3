"""Suggestions for unknown names; contract prices that clash or do nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from outlay_schemas.catalog import Price
from outlay_streams.pricing import PriceBook, PriceList, Reported
from outlay_streams.pricing.review import Overlap, idle, overlaps, suggestions

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
JULY = datetime(2026, 7, 1, tzinfo=UTC)
LIST = PriceList.bundled()


def price(name: str, /, **fields: Any) -> Price:
    sku = {"provider": "openai"} | fields.pop("sku", {})
    return Price.model_validate({"id": name, "sku": sku, **fields})


@pytest.mark.parametrize(
    ("provider", "model", "meant"),
    [
        ("openai", "gpt-4o-minni", "openai/gpt-4o-mini"),
        ("antropic", "claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
        ("our-proxy", "gpt-4o", "openai/gpt-4o"),
    ],
)
def test_an_unknown_name_has_a_likely_meaning(provider: str, model: str, meant: str) -> None:
    assert suggestions(LIST, provider, model)[0] == meant


def test_a_name_like_no_other_has_none() -> None:
    assert suggestions(LIST, "acme", "widget") == ()


def test_the_later_of_two_prices_for_the_same_units_decides() -> None:
    general = price("general", discount=10)
    rates = price("rates", sku={"model": "gpt-4*"}, rates={"input_tokens": 1})
    assert list(overlaps([general, rates])) == [Overlap("general", "rates", ("input_tokens",))]
    assert list(overlaps([general, price("again", discount=5)])) == [Overlap("general", "again", ())]


@pytest.mark.parametrize(
    "other",
    [
        {"rates": {"output_tokens": 1}},
        {"rates": {"input_tokens": 1}, "sku": {"provider": "anthropic"}},
        {"rates": {"input_tokens": 1}, "sku": {"service_tier": "batch"}},
        {"rates": {"input_tokens": 1}, "from": JULY},
    ],
)
def test_prices_for_other_units_skus_or_times_do_not_clash(other: dict[str, Any]) -> None:
    first = price("first", sku={"service_tier": "standard"}, rates={"input_tokens": 2}, to=JULY)
    assert list(overlaps([first, price("other", **other)])) == []


def test_a_contract_price_that_decides_nothing_is_idle() -> None:
    book = PriceBook.compile(
        [
            price("hidden", rates={"input_tokens": 1}),
            price("used", discount=10),
            price("ended", discount=50, to=JULY),
            price("typo", sku={"model": "gtp-*"}, discount=50),
        ]
    )
    assert idle(book, [(Reported("openai", "gpt-4o"), NOON)]) == ("hidden", "ended", "typo")
