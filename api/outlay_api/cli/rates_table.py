"""The rates of a price, as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from outlay_api.cli.money import MoneyFormat
from outlay_api.cli.tables import Cell, Column, Tabulated

Rate = Mapping[str, Any]


def rates_table(rates: Sequence[Rate]) -> Tabulated:
    """Return a row for each unit, and one for each context tier."""
    money = MoneyFormat.fitting([each["usd"] for rate in rates for each in (rate, *rate.get("tiers", ()))], exact=True)
    rows: list[list[Cell]] = []
    for rate in rates:
        discount = f"{rate['discount']} %" if rate.get("discount") is not None else ""
        rows.append([rate["unit"], money.cell(rate["usd"]), _per(rate), discount, _origin(rate)])
        rows += [
            ["", money.cell(tier["usd"]), f"call over {tier['over']:,} input tokens", discount, ""]
            for tier in rate.get("tiers", ())
        ]
    return Tabulated(
        columns=[
            Column(heading="unit", whole=True),
            Column(heading="USD", number=True),
            Column(heading="per"),
            Column(heading="off list", number=True),
            Column(heading="from"),
        ],
        rows=rows,
    )


def rate_text(rate: Rate | None) -> str:
    """Write a rate on one line: `2.5 per 1,000,000 less 8 %`."""
    if rate is None:
        return "none"
    discount = f" less {rate['discount']} %" if rate.get("discount") is not None else ""
    tiers = "".join(f", {tier['usd']} over {tier['over']:,}" for tier in rate.get("tiers", ()))
    return f"{rate['usd']} per {rate['per']:,}{tiers}{discount}"


def _per(rate: Rate) -> str:
    return f"{rate['per']:,}"


def _origin(rate: Rate) -> str:
    if rate.get("contract"):
        return f"contract {rate['contract']}"
    return "this tier or route" if rate.get("variant") else "list"
