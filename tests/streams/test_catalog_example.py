"""The example catalog is sound and does what its comments say."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from outlay_schemas.catalog import Catalog
from outlay_streams.attribution import Attributor
from outlay_streams.catalog import read_catalog
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
