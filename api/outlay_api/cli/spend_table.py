"""A spend answer as people read it: money right-aligned, shares as bars, what is unknown or unowned in plain sight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from outlay_api.cli.fitting import FittingWidth
from outlay_api.cli.money import MoneyFormat, bar, count
from outlay_api.cli.tables import Column, Tabulated, in_lines
from outlay_schemas.dimensions import UNALLOCATED

_SUFFIXES = ("_previous", "_delta", "_percent")
_BARS = (16, 8, 0)
"""Lengths of a bar beside its percentage, the longest that fits."""
_TIMED = ("latency", "ttft")
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
        bars: tuple[int | None, ...] = (*_BARS, None) if self._shared else (None,)
        return Group(Text(self.title, style="bold"), FittingWidth([self._table(width) for width in bars]))

    def _table(self, bar_width: int | None) -> Tabulated:
        rows, totals, measures = self.document["data"], self.document["totals"], self._measures()
        amounts = [row.get("amount") for row in (*rows, *([totals] if self.exact else []))]
        money = MoneyFormat.fitting(amounts, exact=self.exact)
        names = self._headings()
        return Tabulated(
            columns=[
                *(Column(heading=name, whole=name == "from") for name in names),
                *(Column(heading=_heading(name), number=True) for name in measures),
                *([] if bar_width is None else [Column(heading="share", whole=True)]),
            ],
            rows=[
                [
                    *self._names(row),
                    *(self._value(row, name, money) for name in measures),
                    *([] if bar_width is None else [bar(self._share(row), bar_width)]),
                ]
                for row in rows
            ],
            total=[
                "total",
                *[""] * (len(names) - 1),
                *(self._value(totals, name, money) for name in measures),
                *([] if bar_width is None else [""]),
            ]
            if rows and (self.by or self._timed)
            else (),
        )

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

    @property
    def _shared(self) -> bool:
        total = self.document["totals"].get("amount")
        return bool(self.by or self._timed) and total is not None and Decimal(total) > 0

    def _share(self, row: Row) -> Decimal | None:
        amount = row.get("amount")
        return None if amount is None else Decimal(amount) / Decimal(self.document["totals"]["amount"])

    def _names(self, row: Row) -> list[Text]:
        names = [Text(self._start(row))] if self._timed else []
        names += [_group("other" if row.get("other") else row[name], other=bool(row.get("other"))) for name in self.by]
        return names or [Text("total", style="bold")]

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
        start = str(row["start"])
        if self.document["interval"] in _DAY_LONG:
            return start[:10]
        turning = len({_offset(str(each["start"])) for each in self.document["data"]}) > 1
        return f"{start[:10]} {start[11:16]}{_offset(start) if turning else ''}"


def _group(value: str | None, *, other: bool) -> Text:
    if other:
        return Text("other", style="italic")
    if value == UNALLOCATED:
        return Text(f"({UNALLOCATED})", style="bold magenta")
    return Text(value or "(none)", style="" if value else "dim")


def _heading(name: str) -> str:
    for suffix in _SUFFIXES:
        if name.endswith(suffix):
            return {"_previous": "before", "_delta": "change", "_percent": "change %"}[suffix]
    unit = " ms" if name.startswith(_TIMED) else ""
    return in_lines(name.removeprefix("quantities.").replace("_", " ") + unit)


def _offset(text: str) -> str:
    return text[19:].lstrip(".0123456789")


def _instant(text: str) -> str:
    """Shorten an RFC 3339 time: midnight to its date, else to the minute."""
    day, _, clock = text.partition("T")
    return day if clock.startswith("00:00:00") else f"{day} {clock[:5]}"
