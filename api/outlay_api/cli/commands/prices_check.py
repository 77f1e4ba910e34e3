"""`outlay prices check`: what the price book misses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from outlay_api.cli.connection import connect
from outlay_api.cli.failure import DIFFERENT, DONE
from outlay_api.cli.money import count
from outlay_api.cli.output import show
from outlay_api.cli.target import Show, Target

_TARGET = Target()
_SHOW = Show()


async def check(*, period: str = "last_30_days", target: Target = _TARGET, output: Show = _SHOW) -> int:
    """Say how old the price list is and what it does not price; exit code 3 when something has no price.

    For example:

        outlay prices check --period month_to_date

    Parameters
    ----------
    period
        Whose usage is looked at: today, month_to_date, last_30_days, ...
    """
    async with connect(target) as connection:
        document = await connection.get("/v1/prices/check", period=period)
    unpriced = document["unpriced"]
    show(output.format, document=document, rows=lambda: unpriced, table=lambda: _shown(document))
    return DIFFERENT if unpriced else DONE


def _shown(document: Mapping[str, Any]) -> RenderableType:
    listed = document["price_list"]
    age = (
        ""
        if listed["age_days"] is None
        else f", newest price {listed['newest_change']} ({listed['age_days']} days ago)"
    )
    heading = Text.assemble((f"{listed['name']} {listed['version']}", "bold"), age)
    if not document["unpriced"]:
        return Group(heading, Text("everything used has a price", style="green"))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("provider", "model", "tier"):
        table.add_column(name)
    table.add_column("entries", justify="right")
    table.add_column("last used")
    table.add_column("why it is unpriced", style="yellow", overflow="fold")
    for sku in document["unpriced"]:
        names = (sku["provider"], sku["model"], sku["service_tier"])
        table.add_row(*names, count(sku["entries"]), str(sku["last"])[:16].replace("T", " "), sku["reason"])
    return Group(heading, Text(), table)
