"""A spend answer as people read it: money right-aligned, shares as bars, what is unknown or unowned in plain sight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from outlay_api.cli.money import MoneyFormat, bar, count
from outlay_schemas.dimensions import UNALLOCATED

_SUFFIXES = ("_previous", "_delta", "_percent")
_ROOM = 7
"""Columns beside which bars still fit."""
_DAY_LONG = frozenset({"day", "week", "month", "quarter", "year"})

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SpendTable:
    """The answer of `/v1/spend` to a question grouped by `by`; `exact` shows every digit."""

    document: Row
    by: Sequence[str]
    exact: bool = False

    def render(self) -> RenderableType:
        """Return the table under its title, with its totals below."""
        return Group(Text(self.title, style="bold"), self._table())

    def _table(self) -> Table:
        rows, totals = self.document["data"], self.document["totals"]
        money = MoneyFormat.fitting([row.get("amount") for row in rows], exact=self.exact)
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in self._headings():
            table.add_column(heading, overflow="fold", no_wrap=heading == "from")
        for name in self._measures():
            table.add_column(_heading(name), justify="right", no_wrap=True, overflow="fold")
        if self._shares():
            table.add_column("share", no_wrap=True)
        for row in rows:
            table.add_row(*self._cells(row, money))
        if rows and (self.by or self._timed):
            table.add_section()
            blanks = [Text("total", style="bold"), *[Text()] * (len(self._headings()) - 1)]
            table.add_row(*blanks, *(self._value(totals, name, money) for name in self._measures()), style="bold")
        return table

    @property
    def title(self) -> str:
        """What the table is about: period, zone, currency."""
        start, end = str(self.document["from"]), str(self.document["to"])
        period = f"{_instant(start)} to before {_instant(end)}"
        return f"Spend in {self.document['currency']}, {period}, {self.document['zone']}"

    def warnings(self) -> list[str]:
        """Return what a reader must know to read the totals right."""
        told = []
        unpriced = self.document["totals"].get("unpriced") or 0
        if unpriced:
            told.append(
                f"{unpriced:,} entries have no price, so true spend is higher; "
                "list them: outlay spend --by provider,model,reason --filter status:unpriced --measures entries"
            )
        if self.document["has_more"]:
            told.append("more rows exist; narrow the question, use --top, or raise --limit")
        return told

    @property
    def _timed(self) -> bool:
        return bool(self.document["interval"] != "none")

    def _headings(self) -> list[str]:
        return [*(["from"] if self._timed else []), *self.by] or [""]

    def _measures(self) -> list[str]:
        rows = self.document["data"] or [self.document["totals"]]
        skipped = {*self.by, "start", "end", "other"}
        names = [name for name in rows[0] if name not in skipped]
        if "amount_previous" in names:
            names = [name for name in names if name.startswith("amount") or not name.endswith(_SUFFIXES)]
        quiet = "unpriced" in names and not any(row.get("unpriced") for row in rows)
        return [name for name in names if not (quiet and name == "unpriced")]

    def _shares(self) -> bool:
        total = self.document["totals"].get("amount")
        roomy = len(self._headings()) + len(self._measures()) <= _ROOM
        return roomy and bool(self.by or self._timed) and total is not None and Decimal(total) > 0

    def _cells(self, row: Row, money: MoneyFormat) -> list[Text]:
        cells = [Text(self._start(row))] if self._timed else []
        cells += [_group("other" if row.get("other") else row[name], other=bool(row.get("other"))) for name in self.by]
        cells = cells or [Text("total", style="bold")]
        cells += [self._value(row, name, money) for name in self._measures()]
        if self._shares():
            amount, total = row.get("amount"), Decimal(self.document["totals"]["amount"])
            cells.append(bar(None if amount is None else Decimal(amount) / total))
        return cells

    def _value(self, row: Row, name: str, money: MoneyFormat) -> Text:
        value = row.get(name)
        if name.startswith("amount") and not name.endswith("_percent"):
            missing = name != "amount" and value is None
            return Text("-", justify="right") if missing else money.cell(value)
        if name.endswith("_percent"):
            return Text("-" if value is None else f"{Decimal(value):+,.1f}%", justify="right")
        if name == "unpriced":
            return Text(count(value) if value else "", style="bold yellow", justify="right")
        return Text(count(value), justify="right")

    def _start(self, row: Row) -> str:
        return str(row["start"])[:10] if self.document["interval"] in _DAY_LONG else _instant(str(row["start"]))


def _group(value: str | None, *, other: bool) -> Text:
    if other:
        return Text("other", style="italic")
    if value == UNALLOCATED:
        return Text(f"({UNALLOCATED})", style="bold magenta")
    return Text(value or "(none)", style="" if value else "dim")


def _heading(name: str) -> str:
    for suffix in _SUFFIXES:
        if name.endswith(suffix):
            return {"_previous": "before", "_delta": "change", "_percent": "%"}[suffix]
    return name.removeprefix("quantities.").replace("_", " ")


def _instant(text: str) -> str:
    """Shorten an RFC 3339 time: midnight to its date, else to the minute."""
    day, _, clock = text.partition("T")
    return day if clock.startswith("00:00:00") else f"{day} {clock[:5]}"
