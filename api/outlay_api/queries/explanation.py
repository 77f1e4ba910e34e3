"""Why an entry's amount is what it is: in plain words, and as the data the words are made of.

The amount is computed again from the price the entry names and its quantities, so an explanation is also a check.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Protocol

import pyarrow as pa

from outlay_api.http.encoders import rfc3339
from outlay_api.queries.entry_rows import quantities
from outlay_schemas.catalog import Catalog
from outlay_schemas.money import PICO, from_pico, plain
from outlay_schemas.prices import STATED, WITHOUT_RECORD
from outlay_streams.attribution.explain import explain_entry as explain_attribution
from outlay_streams.pricing.bill import Bill, BillLine, bill
from outlay_streams.pricing.terms import Terms

_PRICE = "SELECT body FROM prices WHERE price_id = {price_id:String} LIMIT 1"


class Reader(Protocol):
    """What reading a price needs of the warehouse."""

    def query(self, sql: str, params: Mapping[str, Any] = ..., /) -> pa.Table:
        """Return the rows of a SELECT."""
        ...


def price_body(warehouse: Reader, price_id: str) -> str | None:
    """Return the terms of a price as they were kept; None when the entry names none."""
    if price_id in WITHOUT_RECORD:
        return None
    rows = warehouse.query(_PRICE, {"price_id": price_id})
    return str(rows["body"][0].as_py()) if rows.num_rows else None


@dataclass(frozen=True, slots=True)
class _Priced:
    terms: Terms
    bill: Bill


def explain_entry(entry: Mapping[str, Any], *, price: str | None, catalog: Catalog) -> dict[str, Any]:
    """Explain a ledger row by the body of its price and the catalog at its version.

    `text` tells it in sentences; `lines`, `price`, `rounding`, `attribution` hold the same as data. `recomputed` says
    whether computing the amount again gave the amount that was booked; null where nothing is computed.
    """
    priced = None
    if price is not None:
        terms = Terms.from_body(price)
        priced = _Priced(terms, bill(terms, quantities(entry), entry["calls"]))
    steps = explain_attribution(catalog, entry, rule_id=entry["rule_id"], at=entry["time"])
    amount: Decimal | None = entry["amount"]
    return {
        "text": [*_told(entry, priced), *(f"{step.text}." for step in steps.steps if step.by != "nobody")],
        "status": entry["status"],
        "reason": entry["reason"] or None,
        "amount": amount,
        "recomputed": None if priced is None or amount is None else from_pico(priced.bill.pico) == amount,
        "lines": [_line(each) for each in priced.bill.lines] if priced else [],
        "unpriced_units": list(priced.bill.missing) if priced else [],
        "rounding": _rounding(priced.bill) if priced else None,
        "price": _price(entry, price),
        "sku": {name: entry[name] or None for name in ("provider", "model", "service_tier", "region")},
        "reported": {"provider": entry["reported_provider"], "model": entry["reported_model"]},
        "attribution": {
            "rule_id": entry["rule_id"] or None,
            "steps": [
                {
                    "dimension": step.dimension,
                    "value": step.value,
                    "by": step.by,
                    "kind": step.kind or None,
                    "id": step.id or None,
                    "document": step.document,
                }
                for step in steps.steps
            ],
        },
        "catalog_version": entry["catalog_version"],
    }


def _told(entry: Mapping[str, Any], priced: _Priced | None) -> Iterator[str]:
    yield from _sku_told(entry)
    if entry["price_id"] == STATED:
        yield f"The {entry['kind']} states its amount, {plain(entry['amount'])} USD; nothing was computed."
    elif entry["status"] == "unpriced":
        yield f"The amount is unknown: {entry['reason']}."
    if priced is None:
        return
    yield from _terms_told(entry, priced.terms)
    for line in priced.bill.lines:
        yield f"{_line_told(line)}."
    if entry["amount"] is not None:
        yield _total_told(priced.bill, entry["amount"])


def _sku_told(entry: Mapping[str, Any]) -> Iterator[str]:
    sent = (entry["reported_provider"], entry["reported_model"])
    known = (entry["provider"], entry["model"])
    if sent != known:
        yield f"{' '.join(sent)} was recognised as {' '.join(known)}."


def _terms_told(entry: Mapping[str, Any], terms: Terms) -> Iterator[str]:
    source = terms.source
    listed = f"{source['list']} {source.get('version', '')}".strip() if "list" in source else "the catalog's own prices"
    dates = "".join(f", {word} {source[word]}" for word in ("from", "until") if source.get(word))
    dates += f", {source['hours']} UTC" if source.get("hours") else ""
    yield f"The price {entry['price_id']} is from {listed}{dates}, for {terms.service_tier} service of {terms.model}."
    if terms.service_tier != entry["service_tier"]:
        yield f"It has no rates of its own for {entry['service_tier']} service, so those of {terms.service_tier} hold."
    for contract in source.get("contracts", ()):
        span = "".join(f", {word} {contract[word]}" for word in ("from", "to") if contract.get(word))
        yield f"The contract price {contract['id']}{span} applies."
    if terms.no_charge:
        yield "The list charges nothing for this model."


def _line_told(line: BillLine) -> str:
    quantity = _decimal(line.quantity)
    if line.line is None:
        return f"{quantity} {line.unit} at no charge"
    parts = [f"{quantity} {line.unit} at {plain(line.usd)} USD per {line.line.per:,} = {_usd(line.pico)} USD"]
    if line.line.unit != line.unit:
        parts.append(f"priced as {line.line.unit}, which covers it")
    if line.over is not None:
        parts.append(f"the rate for a call with more than {line.over:,} input tokens")
    if line.line.discount is not None:
        parts.append(f"after {plain(line.line.discount)} % discount")
    if line.line.contract is not None:
        parts.append(f"by contract price {line.line.contract}")
    if line.line.variant:
        parts.append("the rate for this service tier or route")
    if line.minimum:
        parts.append("what a call is billed at least")
    return ", ".join(parts)


def _total_told(priced: Bill, amount: Decimal) -> str:
    whole = priced.exact.denominator == 1
    rounding = "exactly" if whole else "rounded half to even, once, at the 12th decimal"
    return f"Together {plain(amount)} USD, {rounding}."


def _line(line: BillLine) -> dict[str, Any]:
    rate = None
    if line.line is not None:
        rate = {
            "unit": line.line.unit,
            "usd": line.usd,
            "per": line.line.per,
            "list_usd": line.line.usd,
            "tier_over": line.over,
            "discount": line.line.discount,
            "contract": line.line.contract,
            "variant": line.line.variant,
        }
    return {
        "unit": line.unit,
        "quantity": _decimal(line.quantity),
        "rate": rate,
        "amount": _usd(line.pico),
        "minimum": line.minimum,
        "text": _line_told(line),
    }


def _rounding(priced: Bill) -> dict[str, Any]:
    exact = priced.exact
    return {
        "exact": _usd(exact),
        "rounded": exact.denominator != 1,
        "method": "half-even at 12 decimals, once per entry",
    }


def _price(entry: Mapping[str, Any], body: str | None) -> dict[str, Any] | None:
    if body is None:
        return None
    terms: dict[str, Any] = json.loads(body)
    return {"id": entry["price_id"], "at": rfc3339(entry["time"]), **terms}


def _decimal(value: Fraction) -> str:
    """Write a quantity, which always has few decimals."""
    return plain(Decimal(value.numerator) / Decimal(value.denominator))


def _usd(pico: Fraction) -> str:
    """Write pico-USD as USD: a decimal string where one is exact, else the fraction that is."""
    usd = pico / PICO
    rest = usd.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1:
        return f"{usd.numerator}/{usd.denominator}"
    digits = max(1, usd.denominator.bit_length())
    whole = usd.numerator * 10**digits // usd.denominator
    text = f"{abs(whole):0{digits + 1}d}"
    return ("-" if whole < 0 else "") + f"{text[:-digits]}.{text[-digits:]}".rstrip("0").rstrip(".")
