"""What a running demonstration shows: one screen on a terminal, one line elsewhere."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from outlay_api.cli.money import MoneyFormat, bar, count
from outlay_api.demo.feed import Counts
from outlay_api.demo.ledger import Snapshot
from outlay_schemas.dimensions import UNALLOCATED

_OUTCOMES = ("counted", "duplicate", "conflict", "rejected", "pending")


@dataclass(slots=True, kw_only=True)
class DemoView:
    """Renders snapshots; remembers lags to show how they are spread."""

    url: str
    lags: deque[float] = field(default_factory=lambda: deque(maxlen=500))

    def screen(self, snapshot: Snapshot, counts: Counts, now: float, newest: str | None = None) -> RenderableType:
        """Return the whole screen; `newest` is the id of an event to explain."""
        self._remember(snapshot)
        return Group(
            Text.assemble(("Outlay demo", "bold"), "  ", (self.url, "cyan underline"), "  API: ", f"{self.url}/docs"),
            Text(),
            self._teams(snapshot),
            Text(),
            self._facts(snapshot, counts, now),
            Text(),
            Text(f"outlay spend --by provider,model --server {self.url}", style="dim"),
            Text(f"outlay spend --by tags.feature --period today --interval hour --server {self.url}", style="dim"),
            Text(f"outlay explain {newest} --server {self.url}" if newest else "", style="dim"),
            Text("Ctrl-C stops it; what was counted stays.", style="dim"),
        )

    def line(self, snapshot: Snapshot, counts: Counts, now: float) -> str:
        """Return one line for logs."""
        self._remember(snapshot)
        return (
            f"today {_usd(snapshot.today)} USD, month {_usd(snapshot.month)} USD, {counts.rate(now):.0f} events/s, "
            f"visible after {self._lag()}, unpriced {count(snapshot.month['totals']['unpriced'])}, "
            f"{_conservation(snapshot.account)}"
        )

    def _remember(self, snapshot: Snapshot) -> None:
        if snapshot.lag is not None:
            self.lags.append(snapshot.lag)

    def _lag(self) -> str:
        if not self.lags:
            return "-"
        ordered = sorted(self.lags)
        worst = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
        return f"{self.lags[-1] * 1000:.0f} ms (p99 {worst * 1000:.0f} ms)"

    def _teams(self, snapshot: Snapshot) -> Table:
        today = {(row["business_unit"], row["team"]): row for row in snapshot.today["data"]}
        rows = snapshot.month["data"]
        money = MoneyFormat.fitting([row["amount"] for row in rows])
        total = Decimal(snapshot.month["totals"]["amount"] or 0)
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("business unit", "team"):
            table.add_column(heading)
        for heading in ("today USD", "month USD"):
            table.add_column(heading, justify="right")
        table.add_column("share of month")
        table.add_column("calls", justify="right")
        table.add_column("unpriced", justify="right")
        for row in rows:
            now = today.get((row["business_unit"], row["team"]))
            share = Decimal(row["amount"]) / total if row["amount"] is not None and total else None
            table.add_row(
                _name(row["business_unit"]),
                _name(row["team"]),
                money.cell(now["amount"]) if now else Text("-", justify="right"),
                money.cell(row["amount"]),
                bar(share),
                count(row["calls"]),
                Text(count(row["unpriced"]) if row["unpriced"] else "", style="bold yellow"),
            )
        table.add_section()
        totals = snapshot.month["totals"]
        calls, unpriced = count(totals["calls"]), count(totals["unpriced"])
        sums = (money.cell(document["totals"]["amount"]) for document in (snapshot.today, snapshot.month))
        table.add_row("total", "", *sums, "", calls, unpriced, style="bold")
        return table

    def _facts(self, snapshot: Snapshot, counts: Counts, now: float) -> Table:
        facts = Table.grid(padding=(0, 2))
        facts.add_row("events/s", f"{counts.rate(now):.0f} ({counts.sent:,} sent)")
        facts.add_row("accepted to visible", self._lag())
        kept = snapshot.account["balanced"]
        style = "green" if kept else "bold red"
        facts.add_row("conservation", Text(_conservation(snapshot.account), style=style))
        return facts


def _conservation(account: Mapping[str, Any]) -> str:
    totals = account["totals"]
    parts = " + ".join(f"{count(totals[name])} {name}" for name in _OUTCOMES if totals[name] or name == "counted")
    return f"{count(totals['received'])} received = {parts}" + ("" if account["balanced"] else "  DOES NOT BALANCE")


def _usd(document: Mapping[str, Any]) -> str:
    amount = document["totals"]["amount"]
    return MoneyFormat.fitting([amount]).text(amount)


def _name(value: str) -> Text:
    return Text(f"({value})", style="bold magenta") if value == UNALLOCATED else Text(value)
