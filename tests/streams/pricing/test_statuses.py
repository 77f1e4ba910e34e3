"""Status, reason, category and price id of a row."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from outlay_schemas.catalog import Price
from outlay_schemas.prices import STATED
from outlay_streams.pricing import PRICED, PriceBook
from tests import builders

MILLION = 1_000_000

BOOK = PriceBook.compile(
    [
        Price.model_validate({"id": "gift", "sku": {"provider": "openai", "model": "gpt-4o-mini"}, "discount": 100}),
        Price.model_validate(
            {"id": "speech", "sku": {"provider": "own", "model": "speech*"}, "rates": {"audio_seconds": 1}, "per": 3600}
        ),
        Price.model_validate({"id": "half", "sku": {"provider": "own", "model": "x"}, "rates": {"a": 0, "b": 1}}),
    ]
)


def row(**event: Any) -> dict[str, Any]:
    told: dict[str, Any] = BOOK.price(builders.usage({"model": "gpt-4o", **event})).to_pylist()[0]
    return told


def test_the_columns_are_those_promised() -> None:
    assert BOOK.price(builders.usage({})).schema == PRICED


def test_a_known_price_is_priced() -> None:
    told = row(input_tokens=10)
    assert (told["status"], told["reason"], told["amount"]) == ("priced", "", Decimal("0.000025"))
    assert BOOK.record(told["price_id"]).price_id == told["price_id"]


def test_nothing_used_of_a_known_sku_costs_nothing_and_is_priced() -> None:
    assert (row()["status"], row()["amount"]) == ("priced", 0)


def test_nothing_used_of_an_unknown_sku_is_unpriced() -> None:
    told = row(model="gpt-99")
    assert (told["status"], told["amount"], told["price_id"]) == ("unpriced", None, "")


@pytest.mark.parametrize(
    "event",
    [
        {"provider": "openrouter", "model": "qwen/qwq-32b:free", "input_tokens": 5},
        {"provider": "openrouter", "model": "qwen/qwq-32b:free"},
        {"model": "gpt-4o-mini", "output_tokens": 5},
        {"provider": "own", "model": "x", "quantities": {"a": 7}},
    ],
)
def test_a_price_of_zero_is_free(event: dict[str, Any]) -> None:
    assert (row(**event)["status"], row(**event)["amount"]) == ("free", 0)


def test_too_little_to_count_is_not_free() -> None:
    told = row(model="speech-by-the-hour", provider="own", quantities={"audio_seconds": Decimal("1e-9")})
    assert (told["status"], told["amount"]) == ("priced", 0)


def test_units_without_a_price_are_named_all_of_them() -> None:
    told = row(input_tokens=5, quantities={"pages": 2, "images": 1, "seats": 0})
    assert (told["status"], told["amount"]) == ("unpriced", None)
    assert told["reason"] == "no_price_for_unit: images, pages"


def test_a_unit_takes_the_closest_price_that_covers_it() -> None:
    plain = row(input_tokens=MILLION)["amount"]
    assert row(cache_write_1h_tokens=MILLION)["amount"] == plain
    assert row(quantities={"input_image_tokens": MILLION})["amount"] == plain
    assert row(quantities={"cached_input_text_tokens": MILLION})["amount"] == plain / 2


@pytest.mark.parametrize("kind", ["invoice", "adjustment"])
@pytest.mark.parametrize("amount", ["123456789012.5", "-3.000000000001", "0"])
def test_billed_lines_keep_the_amount_they_state(kind: str, amount: str) -> None:
    told = row(kind=kind, amount=Decimal(amount), provider="acme-tool", model="invoice 12", calls=0)
    assert told["amount"] == Decimal(amount)
    assert (told["status"], told["reason"], told["price_id"]) == ("priced", "", STATED)


@pytest.mark.parametrize(
    ("event", "category"),
    [
        ({}, "model_api"),
        ({"provider": "x", "model": "h200", "quantities": {"gpu_seconds": 1}}, "compute"),
        ({"provider": "x", "model": "ide", "quantities": {"seats": 1}}, "tooling"),
        ({"provider": "x", "model": "index", "quantities": {"storage_gb_hours": 1}}, "data"),
        ({"provider": "x", "model": "y", "quantities": {"images": 1}}, "model_api"),
        ({"category": "governance"}, "governance"),
    ],
)
def test_the_category_follows_from_the_units(event: dict[str, Any], category: str) -> None:
    assert row(**event)["category"] == category


def test_asking_for_a_price_never_used_names_it() -> None:
    with pytest.raises(KeyError, match="p_unknown"):
        BOOK.record("p_unknown")
