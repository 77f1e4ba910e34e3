"""Budgets as people read them: what is spent beside how much of the period is over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.text import Text

from outlay_api.cli.fitting import FittingWidth
from outlay_api.cli.money import MoneyFormat, bar, count
from outlay_api.cli.tables import Cell, Column, Tabulated

_BARS = (16, 8, 0)
_NEAR, _OVER = Decimal("0.8"), Decimal(1)

Row = Mapping[str, Any]


def budgets_table(rows: Sequence[Row], *, exact: bool = False) -> RenderableType:
    """Return a table of the standings that the API answers."""
    money = MoneyFormat.fitting([amount for row in rows for amount in _amounts(row)], exact=exact)
    unpriced = any(row["unpriced"] for row in rows)
    return FittingWidth([_table(rows, money, width, unpriced=unpriced) for width in _BARS])


def budget_view(document: Row, *, exact: bool = False) -> RenderableType:
    """Return one budget with the periods before."""
    past = document["periods"]
    parts: list[RenderableType] = [budgets_table([document], exact=exact)]
    if past:
        money = MoneyFormat.fitting([row["spent"] for row in past], exact=exact)
        zone = ZoneInfo(document["zone"])
        columns = [
            Column(heading="period before", whole=True),
            Column(heading="spent", number=True),
            Column(heading="of amount", whole=True),
            Column(heading="entries", number=True),
            Column(heading="unpriced", number=True),
        ]
        listed: list[list[Cell]] = [
            [
                _period(row, zone),
                money.cell(row["spent"]),
                _bar(row["percent"], 16),
                count(row["entries"]),
                _unpriced(row),
            ]
            for row in past
        ]
        parts += [Text(), Tabulated(columns=columns, rows=listed)]
    return Group(*parts)


def warnings(rows: Sequence[Row]) -> Iterator[str]:
    """Yield what a reader must know to read the numbers right."""
    starting = [row["id"] for row in rows if row["starting"]]
    if starting:
        yield f"what was spent before is still being added to: {', '.join(starting)}"
    unpriced = sum(row["unpriced"] or 0 for row in rows)
    if unpriced:
        yield "entries without a price are in no sum, so true spend is higher; outlay prices check lists what lacks one"


def _table(rows: Sequence[Row], money: MoneyFormat, width: int, *, unpriced: bool) -> Tabulated:
    columns = [
        Column(heading="budget"),
        Column(heading="for"),
        Column(heading="period", whole=True),
        Column(heading="amount", number=True),
        Column(heading="spent", number=True),
        Column(heading="remaining", number=True),
        Column(heading="of amount", whole=True),
        Column(heading="of period", number=True),
        Column(heading="pace", number=True),
        *([Column(heading="unpriced", number=True)] if unpriced else []),
    ]
    return Tabulated(columns=columns, rows=[_cells(row, money, width, unpriced=unpriced) for row in rows])


def _cells(row: Row, money: MoneyFormat, width: int, *, unpriced: bool) -> list[Cell]:
    spent = row["spent"] is not None
    return [
        Text(row["id"], style="bold"),
        _scope(row["scope"]),
        _period(row, ZoneInfo(row["zone"])) if spent else Text("not now", style="dim"),
        money.cell(row["amount"]),
        money.cell(row["spent"]) if spent else Text("-", justify="right"),
        money.cell(row["remaining"]) if spent else Text("-", justify="right"),
        _bar(row["percent"], width),
        f"{Decimal(row['elapsed']):.1f}%" if spent else "-",
        f"{Decimal(row['pace']):.2f}x" if row["pace"] is not None else "-",
        *([_unpriced(row)] if unpriced else []),
    ]


def _amounts(row: Row) -> Iterator[str]:
    yield row["amount"]
    yield from (row[name] for name in ("spent", "remaining") if row[name] is not None)


def _bar(percent: str | None, width: int) -> Text:
    share = None if percent is None else Decimal(percent) / 100
    style = "cyan" if share is None or share < _NEAR else "yellow" if share < _OVER else "red"
    return bar(share, width, style=style)


def _scope(scope: Mapping[str, Sequence[str]]) -> Text:
    if not scope:
        return Text("everything", style="dim")
    return Text(", ".join(f"{name} {' or '.join(values)}" for name, values in scope.items()))


def _period(row: Row, zone: ZoneInfo) -> Text:
    start, end = (_local(row[edge], zone) for edge in ("from", "to"))
    return Text(f"{start} to before {end}")


def _local(instant: str, zone: ZoneInfo) -> str:
    local = datetime.fromisoformat(instant).astimezone(zone)
    return f"{local:%Y-%m-%d}" if not (local.hour or local.minute) else f"{local:%Y-%m-%d %H:%M}"


def _unpriced(row: Row) -> Text:
    return Text(count(row["unpriced"]) if row["unpriced"] else "", style="bold yellow", justify="right")
