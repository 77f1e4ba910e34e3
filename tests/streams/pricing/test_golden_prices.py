"""One golden file a price dimension: events and contract as sent, and what each event then costs, line by line.

`list` and `contract` are written by hand; after a change meant, write `priced` anew:
`OUTLAY_WRITE_GOLDEN=1 pytest tests/streams/pricing/test_golden_prices.py`.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from outlay_schemas.catalog import Price
from outlay_schemas.money import plain
from outlay_schemas.units import CALLS, FREQUENT
from outlay_schemas.usage import UsageEvent
from outlay_streams.pricing import BillLine, PriceBook, Terms, bill
from tests import builders

GOLDEN = Path(__file__).parents[2] / "golden" / "prices"
FILES = sorted(GOLDEN.glob("*.json"))


def priced(document: dict[str, Any]) -> list[dict[str, Any]]:
    book = PriceBook.compile([Price.model_validate(each) for each in document["contract"]])
    events = [UsageEvent.model_validate({"id": "e", "provider": "openai", **each}) for each in document["events"]]
    rows = book.price(builders.usage(*map(_row, events))).to_pylist()
    return [_told(book, event, row) for event, row in zip(events, rows, strict=True)]


def _row(event: UsageEvent) -> dict[str, Any]:
    frequent = {name: int(quantity) for name, quantity in event.quantities.items() if name in FREQUENT}
    listed = {name: n for name, n in event.quantities.items() if name not in FREQUENT and name != CALLS}
    named = event.model_dump(include={"time", "provider", "model", "service_tier", "region", "operation"})
    return {**named, **frequent, "calls": int(event.quantities.get(CALLS, 1)), "quantities": listed}


def _told(book: PriceBook, event: UsageEvent, row: dict[str, Any]) -> dict[str, Any]:
    names = {name: row[name] for name in ("provider", "model", "service_tier", "region", "category", "status")}
    if row["amount"] is None:
        return {**names, "reason": row["reason"]}
    terms = Terms.from_body(book.record(row["price_id"]).body)
    exact = bill(terms, event.quantities, int(event.quantities.get(CALLS, 1)))
    source = {key: value for key, value in terms.source.items() if value is not None and key != "version"}
    return {
        **names,
        "amount": plain(row["amount"]),
        "rounded": exact.exact.denominator != 1,
        "lines": [_line(each) for each in exact.lines],
        "source": source,
    }


def _line(line: BillLine) -> str:
    quantity = plain(Decimal(line.quantity.numerator) / line.quantity.denominator)
    assert line.line is not None
    notes = [
        f"as {line.line.unit}" if line.line.unit != line.unit else "",
        f"above {line.over}" if line.over is not None else "",
        f"-{plain(line.line.discount)}%" if line.line.discount is not None else "",
        f"contract {line.line.contract}" if line.line.contract else "",
        "variant" if line.line.variant else "",
        "minimum" if line.minimum else "",
    ]
    told = f"{quantity} {line.unit} x {plain(line.usd)}/{line.line.per} = {line.pico} pico-USD"
    return ", ".join([told, *filter(None, notes)])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_events_cost_what_the_golden_file_says(path: Path) -> None:
    document = json.loads(path.read_text())
    found = priced(document)
    if os.environ.get("OUTLAY_WRITE_GOLDEN"):
        path.write_text(json.dumps({**document, "priced": found}, indent=2, ensure_ascii=False) + "\n")
    assert found == document["priced"]


def test_every_dimension_of_a_price_has_a_file() -> None:
    assert {path.stem for path in FILES} == {
        "audio_seconds", "batch_tier", "cached_input", "cache_write_1h", "context_tier", "custom_sku", "date_change",
        "discount", "document_pages", "flex_and_priority", "off_peak", "own_rate", "plain", "region", "requests",
        "route", "web_searches",
    }  # fmt: skip
    assert all(datetime.fromisoformat(each["time"]).tzinfo for path in FILES for each in _events(path))


def _events(path: Path) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = json.loads(path.read_text())["events"]
    return events
