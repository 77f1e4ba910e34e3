"""`outlay prices check`: what the price book misses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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

    Names that may have been meant are shown beside unknown ones, and contract prices that hide one another or decide
    nothing about what was used.

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
    unpriced = document["unpriced"]
    used = _unpriced(unpriced) if unpriced else Text("everything used has a price", style="green")
    return Group(heading, Text(), used, *_contract(document))


def _unpriced(skus: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("provider", "model", "tier"):
        table.add_column(name)
    table.add_column("entries", justify="right")
    table.add_column("last used")
    table.add_column("why it is unpriced", style="yellow", overflow="fold")
    table.add_column("did you mean", overflow="fold")
    for sku in skus:
        names = (sku["provider"], sku["model"], sku["service_tier"])
        last = str(sku["last"])[:16].replace("T", " ")
        table.add_row(*names, count(sku["entries"]), last, sku["reason"], ", ".join(sku["suggestions"]))
    return table


def _contract(document: Mapping[str, Any]) -> Iterator[Text]:
    for pair in document["overlaps"]:
        units = ", ".join(pair["units"]) or "every unit"
        text = f"contract price {pair['winner']} hides {pair['loser']} where both apply ({units})"
        yield Text(text, style="yellow")
    for name in document["idle"] or ():
        yield Text(f"contract price {name} decided nothing that was used: misspelt, ended or hidden?", style="yellow")
