"""A catalog snapshot compiled into what one organisation's events are metered by."""

from __future__ import annotations

from decimal import Decimal
from zoneinfo import ZoneInfo

from outlay_schemas.catalog import Catalog
from outlay_streams.catalog import CatalogSnapshot, build_rules
from tests.builders import usage

CATALOG = Catalog.model_validate(
    {
        "organisation": {"reporting_zone": "Asia/Kolkata"},
        "apps": [{"id": "trainer", "team": "ml"}],
        "teams": [{"id": "ml"}],
        "prices": [
            {"id": "h200", "sku": {"provider": "own", "model": "h200"}, "rates": {"gpu_seconds": "3.20"}, "per": 3600}
        ],
    }
)


def test_the_rules_carry_version_zone_attribution_and_contract_prices() -> None:
    rules = build_rules(CatalogSnapshot("acme", 7, CATALOG))
    batch = usage({"provider": "own", "model": "h200", "app": "trainer", "quantities": {"gpu_seconds": "1800"}})
    assert (rules.version, rules.zone) == (7, ZoneInfo("Asia/Kolkata"))
    assert rules.attributor.resolve(batch)["team"].to_pylist() == ["ml"]
    assert rules.book.price(batch)["amount"].to_pylist() == [Decimal("1.6")]
