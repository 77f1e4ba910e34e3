"""Contract prices: discounts, own rates, own skus, and which of them decides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from outlay_schemas.catalog import Price
from outlay_streams.pricing import PriceBook
from tests import builders

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MILLION = 1_000_000
USED = {"input_tokens": MILLION, "cached_input_tokens": MILLION, "output_tokens": MILLION}
"""At the list price of gpt-4o: 2.50, 1.25 and 10 USD."""


def price(name: str = "c", /, **fields: Any) -> Price:
    sku = {"provider": "openai", "model": "gpt-4o"} | fields.pop("sku", {})
    return Price.model_validate({"id": name, "sku": sku, **fields})


def cost(*contract: Price, **event: Any) -> Decimal | None:
    row = {"model": "gpt-4o", "time": NOON} | USED | event
    amount: Decimal | None = PriceBook.compile(contract).price(builders.usage(row))["amount"][0].as_py()
    return amount


def test_without_contract_the_list_holds() -> None:
    assert cost() == Decimal("13.75")


def test_a_discount_is_percent_off_every_list_rate() -> None:
    assert cost(price(discount="12.5")) == Decimal("12.03125")
    assert cost(price(discount="33.3333333")) == Decimal("9.16666667125")


def test_a_discount_can_be_for_some_units() -> None:
    assert cost(price(discount=50, discount_units=("output_tokens",))) == Decimal("8.75")


def test_a_discounted_unit_without_a_list_rate_takes_the_one_that_covers_it() -> None:
    half = price(discount=50, discount_units=("reasoning_tokens",))
    assert cost(half, reasoning_tokens=MILLION) == Decimal("18.75")


def test_a_discount_holds_in_every_context_tier_and_variant() -> None:
    half = price(discount=50, sku={"model": "gpt-5.4"})
    plain = cost(model="gpt-5.4", service_tier="batch")
    assert plain is not None
    assert cost(half, model="gpt-5.4", service_tier="batch") == plain / 2


def test_an_own_rate_replaces_the_list_rate_of_its_unit_alone() -> None:
    assert cost(price(rates={"output_tokens": "4"}, per=MILLION)) == Decimal("7.75")


def test_own_rates_win_over_the_discount_of_the_same_document() -> None:
    assert cost(price(rates={"output_tokens": "4"}, per=MILLION, discount=50)) == Decimal("5.875")


def test_the_last_document_that_names_a_unit_decides_it() -> None:
    rates, half = price("rates", rates={"output_tokens": "4"}, per=MILLION), price("half", discount=50)
    assert cost(rates, half) == Decimal("6.875")
    assert cost(half, rates) == Decimal("5.875")


def test_discounts_do_not_add_up() -> None:
    assert cost(price("a", discount=50), price("b", discount=20)) == 11


def test_a_contract_holds_from_its_start_until_its_end() -> None:
    dated = price(discount=50, **{"from": NOON, "to": NOON + timedelta(days=1)})
    moments = [
        NOON - timedelta(milliseconds=1),
        NOON,
        NOON + timedelta(days=1, milliseconds=-1),
        NOON + timedelta(days=1),
    ]
    assert [cost(dated, time=each) for each in moments] == [Decimal(n) for n in ("13.75", "6.875", "6.875", "13.75")]


def test_one_batch_spans_the_start_of_a_contract() -> None:
    dated = price(discount=50, **{"from": NOON})
    times = [NOON + timedelta(hours=hour) for hour in range(-2, 3)]
    rows = builders.usage(*({"model": "gpt-4o", "time": each} | USED for each in times))
    amounts = PriceBook.compile([dated]).price(rows)["amount"].to_pylist()
    assert amounts == [Decimal("13.75")] * 2 + [Decimal("6.875")] * 3


@pytest.mark.parametrize(
    ("sku", "holds"),
    [
        ({"model": "gpt-4o*"}, True),
        ({"model": "GPT-4O"}, True),
        ({"model": "gpt-4o-2024-08-06"}, True),
        ({"model": "gpt-4o-mini"}, False),
        ({"provider": "azure"}, False),
        ({"service_tier": "default"}, True),
        ({"service_tier": "batch"}, False),
        ({"region": "eu"}, True),
        ({"region": "us"}, False),
    ],
)
def test_a_contract_is_for_the_skus_it_matches(sku: dict[str, str], holds: bool) -> None:
    half = price(discount=50, sku=sku)
    amount = cost(half, model="gpt-4o-2024-08-06", region="EU")
    assert amount == (Decimal("6.875") if holds else Decimal("13.75"))


def test_a_contract_may_call_its_provider_by_any_of_its_names() -> None:
    bedrock = price(discount=50, sku={"provider": "bedrock", "model": "amazon.nova-lite*"})
    listed = cost(provider="aws", model="amazon.nova-lite-v1:0")
    assert listed is not None
    assert cost(bedrock, provider="aws.bedrock", model="us.amazon.nova-lite-v1:0") == listed / 2


def test_prepaid_capacity_has_the_price_a_contract_gives_it() -> None:
    paid = price(sku={"service_tier": "provisioned"}, rates={"input_tokens": 0, "output_tokens": 0})
    assert cost(service_tier="provisioned_throughput") is None
    assert cost(paid, service_tier="provisioned_throughput") == 0


def test_an_own_sku_is_priced_by_its_rates_alone() -> None:
    gpus = price(sku={"provider": "cluster", "model": "h200"}, rates={"gpu_seconds": "2.6"}, per=3600)
    event = {"provider": "cluster", "model": "h200", **dict.fromkeys(USED, 0), "calls": 0}
    assert cost(gpus, **event, quantities={"gpu_seconds": Decimal("5400.5")}) == Decimal("3.900361111111")
    seats = price(sku={"provider": "acme-tool"}, rates={"seats": "19.99"})
    assert cost(seats, **event | {"provider": "acme-tool", "model": "gpt-4o"}, quantities={"seats": 3}) == Decimal(
        "59.97"
    )


def test_a_discount_alone_prices_nothing_new() -> None:
    assert cost(price(discount=50, sku={"provider": "cluster"}), provider="cluster") is None


def test_calls_can_have_a_price() -> None:
    assert cost(price(rates={"requests": "0.01"}), calls=3) == Decimal("13.78")


def test_a_contract_says_the_category_unless_the_event_does() -> None:
    tool = price(discount=0, category="tooling")
    rows = builders.usage({"model": "gpt-4o"}, {"model": "gpt-4o", "category": "data"}, {"model": "gpt-4o-mini"})
    assert PriceBook.compile([tool]).price(rows)["category"].to_pylist() == ["tooling", "data", "model_api"]
