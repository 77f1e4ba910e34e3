"""The example catalog is sound and does what its comments say."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from outlay_schemas.catalog import Catalog
from outlay_streams.attribution import Attributor
from outlay_streams.catalog import read_catalog
from outlay_streams.pricing import PriceBook
from tests.builders import usage

EXAMPLE = Path(__file__).parents[2] / "examples" / "catalog.yaml"


@pytest.fixture(scope="module")
def example() -> Catalog:
    return read_catalog(EXAMPLE.read_bytes())


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"app": "search-api"}, {"business_unit": "consumer", "team": "search", "env": "production"}),
        ({"app": "eval-runner"}, {"business_unit": "platform", "env": "staging"}),
        (
            {"key": "anthropic-documents"},
            {"team": "documents", "project": "contract-review", "business_unit": "enterprise"},
        ),
        ({"key": "openai-consumer"}, {"business_unit": "consumer", "team": "unallocated"}),
        (
            {"app": "search-api", "tags": {"run": "load-42"}},
            {"team": "ml-platform", "project": "evaluation", "env": "staging"},
        ),
        ({"app": "draft-writer", "tags": {"squad": "kite"}}, {"use_case": "kite", "team": "support"}),
        ({"provider": "nimbus-gpu", "model": "h200"}, {"app": "trainer", "team": "ml-platform"}),
        ({"provider": "github", "model": "copilot-business"}, {"team": "developer-experience"}),
        (
            {"app": "triage-worker", "time": datetime(2026, 6, 30, 18, 29, 59, 999_000, tzinfo=UTC)},
            {"department": "Operations"},
        ),
        ({"app": "triage-worker", "time": datetime(2026, 6, 30, 18, 30, tzinfo=UTC)}, {"department": "Success"}),
        ({"key": "shared-batch", "time": datetime(2026, 5, 31, tzinfo=UTC)}, {"team": "search"}),
        ({"key": "shared-batch", "time": datetime(2026, 6, 1, tzinfo=UTC)}, {"team": "ml-platform"}),
        ({}, {"team": "unallocated", "business_unit": "unallocated", "env": "production"}),
    ],
)
def test_an_event_finds_its_owner(example: Catalog, event: dict[str, Any], expected: dict[str, str]) -> None:
    resolved = Attributor(example).resolve(usage(event)).to_pylist()[0]
    assert {name: resolved[name] for name in expected} == expected


def test_it_spans_three_zones_and_three_business_units(example: Catalog) -> None:
    assert {team.zone for team in example.teams} == {"Europe/Berlin", "Asia/Kolkata", "America/New_York"}
    assert {team.business_unit for team in example.teams} == {"consumer", "enterprise", "platform"}


@pytest.mark.parametrize(
    ("event", "amount"),
    [
        ({"provider": "nimbus-gpu", "model": "h200", "quantities": {"gpu_seconds": "1800"}}, "1.6"),
        ({"provider": "github", "model": "copilot-business", "quantities": {"seats": "12"}}, "228"),
        ({"provider": "cursor", "model": "teams", "quantities": {"seats": "1"}}, "40"),
        ({"provider": "azure", "model": "gpt-4o", "input_tokens": 1_000_000, "output_tokens": 500_000}, "6.3"),
    ],
)
def test_own_prices_apply(example: Catalog, event: dict[str, Any], amount: str) -> None:
    priced = PriceBook.compile(example.prices).price(usage(event))
    assert priced["amount"].to_pylist() == [Decimal(amount)]


@pytest.mark.parametrize(
    ("event", "share_of_list"),
    [
        ({"provider": "openai", "model": "gpt-5-mini", "input_tokens": 1000}, "0.92"),
        ({"provider": "anthropic", "model": "claude-sonnet-4-5", "output_tokens": 1000}, "0.875"),
        ({"provider": "anthropic", "model": "claude-sonnet-4-5", "input_tokens": 1000}, "1"),
    ],
)
def test_discounts_come_off_the_list(example: Catalog, event: dict[str, Any], share_of_list: str) -> None:
    agreed, listed = (
        PriceBook.compile(prices).price(usage(event))["amount"][0].as_py() for prices in (example.prices, ())
    )
    assert agreed == listed * Decimal(share_of_list)
