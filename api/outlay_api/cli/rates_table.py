"""The rates of a price, as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

Rate = Mapping[str, Any]


def rates_table(rates: Sequence[Rate]) -> Table:
    """Return a row for each unit, and one for each context tier."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("unit")
    table.add_column("USD", justify="right")
    table.add_column("per")
    table.add_column("off list", justify="right")
    table.add_column("from")
    for rate in rates:
        discount = f"{rate['discount']} %" if rate.get("discount") is not None else ""
        table.add_row(rate["unit"], rate["usd"], _per(rate), discount, _origin(rate))
        for tier in rate.get("tiers", ()):
            table.add_row("", tier["usd"], f"call over {tier['over']:,} input tokens", discount, "")
    return table


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
