"""`outlay prices diff`: what would be priced otherwise today."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from outlay_api.cli.connection import connect
from outlay_api.cli.failure import DIFFERENT, DONE
from outlay_api.cli.money import MoneyFormat, count
from outlay_api.cli.output import note, show
from outlay_api.cli.rates_table import rate_text
from outlay_api.cli.target import Show, Target

_TARGET = Target()
_SHOW = Show()


async def diff(*, period: str = "last_30_days", target: Target = _TARGET, output: Show = _SHOW) -> int:
    """Compare the prices entries were counted with to those of today; exit code 3 when some differ.

    Nothing is changed: an amount keeps the price it was counted with, and new prices move the future only.

    For example:

        outlay prices diff --period last_month

    Parameters
    ----------
    period
        Whose usage is looked at: today, month_to_date, last_30_days, ...
    """
    async with connect(target) as connection:
        document = await connection.get("/v1/prices/diff", period=period)
    changes = document["data"]
    show(output.format, document=document, rows=lambda: _rows(changes), table=lambda: _table(changes))
    note(f"{document['compared']} sku and price pairs compared, {len(changes)} would be priced otherwise now")
    return DIFFERENT if changes else DONE


def _rows(changes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {**{name: value for name, value in change.items() if name != "rates"}, **rate}
        for change in changes
        for rate in change["rates"]
    ]


def _table(changes: Sequence[dict[str, Any]]) -> Table:
    money = MoneyFormat.fitting([change["amount"] for change in changes])
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("provider", "model", "tier"):
        table.add_column(name)
    table.add_column("entries", justify="right")
    table.add_column("booked USD", justify="right")
    for name in ("unit", "rate then (USD)", "rate now (USD)"):
        table.add_column(name)
    for change in changes:
        names = [change["provider"], change["model"], change["service_tier"], count(change["entries"])]
        cells: list[str | Text] = [*names, money.cell(change["amount"])]
        for rate in change["rates"]:
            table.add_row(*cells, rate["unit"], rate_text(rate["before"]), rate_text(rate["after"]))
            cells = [""] * len(cells)
    return table
