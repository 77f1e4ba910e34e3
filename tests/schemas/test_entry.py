"""A spend entry is a row of the ledger with every unit in one mapping, and money as decimal strings in JSON."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from outlay_schemas.arrow import ENTRIES
from outlay_schemas.dimensions import ATTRIBUTION
from outlay_schemas.entry import SpendEntry
from outlay_schemas.units import FREQUENT

INSTANT = datetime(2026, 11, 23, 0, 0, 1, 840_000, tzinfo=UTC)


def row(**changes: Any) -> dict[str, Any]:
    empty: dict[str, Any] = dict.fromkeys(ENTRIES.names, "") | dict.fromkeys(FREQUENT, 0)
    return empty | {
        "org": "acme",
        "source": "api",
        "id": "e1",
        "time": INSTANT,
        "received": INSTANT,
        "partition": "embedded/0",
        "block": 7,
        "content_hash": 2**32 - 1,
        "kind": "usage",
        "category": "model_api",
        "status": "priced",
        "provider": "openai",
        "model": "gpt-5",
        "service_tier": "standard",
        "reported_provider": "openai",
        "reported_model": "gpt-5-2025-08-07",
        **dict.fromkeys(ATTRIBUTION, "unallocated"),
        "team": "search",
        "tags": [("squad", "a")],
        "input_tokens": 386,
        "calls": 1,
        "quantities": [("images", Decimal("0.500000000"))],
        "latency_ms": None,
        "ttft_ms": 12,
        "outcome": "ok",
        "estimated": False,
        "amount": Decimal("0.000482500000"),
        "provider_cost": None,
        "price_id": "p_00000000000000000000",
        "catalog_version": 3,
        **changes,
    }


def test_a_row_of_the_ledger_becomes_an_entry_with_its_units_together() -> None:
    table = pa.Table.from_pylist([row()], schema=ENTRIES)
    entry = SpendEntry.from_row(table.to_pylist()[0])
    assert entry == SpendEntry.from_row(row())
    assert entry.quantities == {"input_tokens": 386, "images": Decimal("0.5")}
    assert entry.tags == {"squad": "a"}
    assert entry.amount == Decimal("0.0004825")


def test_the_columns_are_the_ledger_s() -> None:
    assert [name for name in ENTRIES.names if name not in FREQUENT] == list(SpendEntry.model_fields)


def test_json_has_decimal_strings_without_exponent_or_trailing_zeros() -> None:
    body = json.loads(
        SpendEntry.from_row(row(amount=Decimal("1E-12"), provider_cost=Decimal("1E+3"))).model_dump_json()
    )
    assert body["amount"] == "0.000000000001"
    assert body["provider_cost"] == "1000"
    assert body["quantities"] == {"input_tokens": "386", "images": "0.5"}
    assert SpendEntry.model_validate(body) == SpendEntry.model_validate_json(json.dumps(body))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"amount": None}, "amount must be null exactly when status is 'unpriced'"),
        ({"status": "unpriced", "reason": "unknown model"}, "amount must be null exactly"),
        ({"status": "unpriced", "amount": None}, "reason must be set exactly"),
        ({"reason": "because"}, "reason must be set exactly"),
        ({"block": 2**63}, "less than"),
        ({"kind": "guess"}, "'usage', 'invoice' or 'adjustment'"),
        ({"surprise": 1}, "Extra inputs"),
    ],
)
def test_an_entry_that_contradicts_itself_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SpendEntry.from_row(row(**change))


def test_an_unpriced_entry_has_no_amount() -> None:
    entry = SpendEntry.from_row(row(status="unpriced", reason="unknown model", amount=None, price_id=""))
    assert entry.amount is None
    assert json.loads(entry.model_dump_json())["amount"] is None
