"""The columnar engine against the exact bill: any batch, any size, the same amounts."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay_schemas.catalog import Price
from outlay_schemas.money import to_pico
from outlay_schemas.units import FREQUENT
from outlay_streams.pricing import PriceBook, Terms, bill
from tests import builders

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)

OWN = PriceBook.compile(
    [
        Price.model_validate(
            {
                "id": "seconds",
                "sku": {"provider": "cluster", "model": "h200"},
                "rates": {"gpu_seconds": "4.3", "requests": "0.01", "input_tokens": "0.000001"},
                "per": 3600,
            }
        ),
        Price.model_validate(
            {"id": "odd", "sku": {"provider": "cluster", "model": "odd"}, "rates": {"images": "0.1"}, "per": 7}
        ),
        Price.model_validate(
            {"id": "dear", "sku": {"provider": "cluster", "model": "dear"}, "rates": {"images": "1000000000"}}
        ),
    ]
)

SKUS = (
    ("openai", "gpt-4o", None),
    ("openai", "gpt-5.4", "priority"),
    ("groq", "whisper-large-v3", None),
    ("elevenlabs", "eleven_realtime_v1_max", None),
    ("openrouter", "qwen/qwq-32b:free", None),
    ("cluster", "h200", None),
    ("cluster", "odd", None),
    ("cluster", "dear", None),
    ("nobody", "knows", None),
)
UNITS = ("audio_seconds", "input_audio_seconds", "gpu_seconds", "images", "web_searches", "input_audio_tokens")

counts = st.one_of(st.just(0), st.integers(0, 400_000), st.integers(0, 10**15))
amounts = st.one_of(
    st.integers(0, 20_000_000_000).map(lambda n: Decimal(n).scaleb(-9)),
    st.decimals(0, 10**15, places=9, allow_nan=False, allow_infinity=False),
)


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    provider, model, tier = draw(st.sampled_from(SKUS))
    return {
        "time": NOON,
        "provider": provider,
        "model": model,
        "service_tier": tier,
        "calls": draw(st.sampled_from((0, 1, 1, 2, 7, 10**9))),
        "quantities": draw(st.dictionaries(st.sampled_from(UNITS), amounts, max_size=3)),
        **draw(st.dictionaries(st.sampled_from(FREQUENT), counts, max_size=3)),
    }


def quantities(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in FREQUENT if name in row} | row["quantities"]


@settings(max_examples=150, deadline=None)
@given(st.lists(rows(), min_size=1, max_size=12))
def test_a_batch_costs_what_its_bills_say(batch: list[dict[str, Any]]) -> None:
    priced = OWN.price(builders.usage(*batch)).to_pylist()
    for row, told in zip(batch, priced, strict=True):
        if told["price_id"]:
            expected = bill(Terms.from_body(OWN.record(told["price_id"]).body), quantities(row), row["calls"])
            assert not expected.missing
            assert to_pico(told["amount"]) == expected.pico
            assert told["reason"] == ""
        else:
            assert told["amount"] is None
            assert told["reason"]


@settings(max_examples=40, deadline=None)
@given(st.lists(rows(), min_size=1, max_size=20), st.integers(0, 20), st.integers(0, 20))
def test_any_part_of_a_batch_costs_the_same_alone(batch: list[dict[str, Any]], start: int, length: int) -> None:
    usage = builders.usage(*batch)
    priced = OWN.price(usage)
    assert OWN.price(usage.slice(start, length)).equals(priced.slice(start, length))
    assert OWN.price(pa.concat_tables([usage.slice(0, start), usage.slice(start)])).equals(priced)


def test_dictionary_encoded_text_costs_the_same() -> None:
    usage = builders.usage(*({"provider": provider, "model": model, "time": NOON} for provider, model, _ in SKUS))
    encoded = usage
    for name in ("provider", "model", "service_tier", "region", "operation", "kind", "category"):
        encoded = encoded.set_column(usage.schema.get_field_index(name), name, usage[name].dictionary_encode())
    assert OWN.price(encoded).equals(OWN.price(usage))


def test_an_empty_batch_is_priced() -> None:
    assert OWN.price(builders.usage({}).slice(0, 0)).num_rows == 0


def test_a_call_in_the_minimum_is_billed_at_least_that() -> None:
    whisper = {"provider": "groq", "model": "whisper-large-v3", "time": NOON}
    seconds = ("0", "0.5", "9.999999999", "10", "10.5")
    usage = builders.usage(*(whisper | {"quantities": {"audio_seconds": Decimal(each)}} for each in seconds))
    hour = Decimal("0.111") / 3600
    expected = [hour * Decimal(each) for each in ("0", "10", "10", "10", "10.5")]
    assert OWN.price(usage)["amount"].to_pylist() == [each.quantize(Decimal("1e-12")) for each in expected]


def test_the_mean_call_decides_tier_and_minimum_of_an_event_for_many() -> None:
    tiered = {"provider": "openai", "model": "gpt-5.4", "time": NOON, "calls": 10}
    usage = builders.usage(tiered | {"input_tokens": 2_720_000}, tiered | {"input_tokens": 2_720_001})
    below, above = OWN.price(usage)["amount"].to_pylist()
    assert below == Decimal("6.8")
    assert above == Decimal("13.600005")
    whisper = {"provider": "groq", "model": "whisper-large-v3", "time": NOON, "calls": 6}
    many = builders.usage(
        whisper | {"quantities": {"audio_seconds": 42}}, whisper | {"quantities": {"audio_seconds": 90}}
    )
    hour = Decimal("0.111") / 3600
    assert OWN.price(many)["amount"].to_pylist() == [(hour * n).quantize(Decimal("1e-12")) for n in (60, 90)]


def test_an_amount_no_entry_can_hold_is_unpriced() -> None:
    dear = {"provider": "cluster", "model": "dear", "time": NOON}
    usage = builders.usage(dear | {"quantities": {"images": 1_000}}, dear | {"quantities": {"images": 1_001}})
    most, over = OWN.price(usage).to_pylist()
    assert (most["status"], most["amount"]) == ("priced", Decimal(10**12))
    assert (over["status"], over["amount"]) == ("unpriced", None)
    assert over["reason"].startswith("amount_out_of_range")


def test_times_before_1970_and_far_ahead_have_prices() -> None:
    times = (datetime(1969, 12, 31, 23, 59, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
    usage = builders.usage(*({"model": "gpt-4o", "time": each, "input_tokens": 1_000_000} for each in times))
    assert OWN.price(usage)["amount"].to_pylist() == [Decimal("2.5")] * 2
