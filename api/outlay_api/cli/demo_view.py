"""What a running demonstration shows: one screen on a terminal, one line elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from outlay_api.cli.fitting import FittingHeight, FittingWidth
from outlay_api.cli.money import UNKNOWN, MoneyFormat, bar, count
from outlay_api.demo.feed import Counts
from outlay_api.demo.ledger import Snapshot
from outlay_api.demo.visibility import Visibility
from outlay_schemas.dimensions import UNALLOCATED

_OUTCOMES = ("counted", "duplicate", "conflict", "rejected", "pending")
_BARS = (16, 6, 0)
_NAMED = 2
"""Models without a price that are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoView:
    """Renders snapshots; `program` is how the user calls this program."""

    url: str
    program: str
    counts: Counts
    visibility: Visibility

    def screen(self, snapshot: Snapshot, now: float) -> RenderableType:
        """Return the whole screen at `now` on the monotonic clock; on a low terminal the lesser parts give way."""
        teams = FittingWidth([_team_table(snapshot, width) for width in _BARS])
        blank = Text()
        needed: list[RenderableType] = [self._header(), teams, self._facts(snapshot, now)]
        more, commands = _newest(snapshot), self._commands(snapshot)
        spaced: list[RenderableType] = [part for each in needed for part in (each, blank)]
        return FittingHeight(
            (
                Group(*spaced, more, blank, commands),
                Group(*spaced, commands),
                Group(*needed, commands),
                Group(*needed),
            )
        )

    def line(self, snapshot: Snapshot, now: float) -> str:
        """Return one line for logs."""
        return (
            f"today {_usd(snapshot.today)} USD, month {_usd(snapshot.month)} USD; "
            f"{self.counts.rate(now):.1f} events/s, {self._lag()}; {_unpriced(snapshot)}; "
            f"{_conservation(snapshot.account)}"
        )

    def _header(self) -> Text:
        links = Text.assemble(("Outlay demo", "bold"), f"  API {self.url}   ", ("Ctrl-C stops it", "dim"))
        links.append(f"\ndocs {self.url}/docs   metrics {self.url}/metrics", style="dim")
        return links

    def _facts(self, snapshot: Snapshot, now: float) -> Table:
        facts = Table.grid(padding=(0, 2))
        facts.add_column(style="dim", no_wrap=True)
        facts.add_row("events", f"{self.counts.rate(now):.1f} a second now, {self.counts.sent:,} sent in all")
        facts.add_row("visible", self._lag())
        missing = int(snapshot.unpriced["totals"]["entries"] or 0)
        facts.add_row("unpriced", Text(_unpriced(snapshot), style="bold yellow" if missing else ""))
        style = "green" if snapshot.account["balanced"] else "bold red"
        facts.add_row("conserved", Text(_conservation(snapshot.account), style=style))
        return facts

    def _lag(self) -> str:
        median, most = (self.visibility.percentile(percent) for percent in (50, 99))
        if median is None or most is None:
            return "no event yet"
        return f"in totals {median * 1000:.0f} ms after acceptance (p50), {most * 1000:.0f} ms (p99)"

    def _commands(self, snapshot: Snapshot) -> Group:
        asked = ["spend --by provider,model", "spend --by tags.plan --period today --interval hour"]
        asked += [f"explain {entry['id']}" for entry in snapshot.newest["data"][:1]]
        lines = (Text(f"  {self.program} {words}", overflow="fold") for words in asked)
        return Group(Text.assemble(("In another terminal: ", "bold"), f"export OUTLAY_SERVER={self.url}"), *lines)


def _team_table(snapshot: Snapshot, width: int) -> Table:
    today = {(row["business_unit"], row["team"]): row for row in snapshot.today["data"]}
    rows = snapshot.month["data"]
    money = MoneyFormat.fitting([row["amount"] for row in rows])
    total = Decimal(snapshot.month["totals"]["amount"] or 0)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("business unit", "team"):
        table.add_column(heading, overflow="ellipsis", no_wrap=True)
    for heading in ("today USD", "month USD"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("of month", no_wrap=True)
    table.add_column("calls", justify="right", no_wrap=True)
    for row in rows:
        now = today.get((row["business_unit"], row["team"]))
        share = Decimal(row["amount"]) / total if row["amount"] is not None and total else None
        table.add_row(
            _name(row["business_unit"]),
            _name(row["team"]),
            money.cell(now["amount"]) if now else Text("-", justify="right"),
            money.cell(row["amount"]),
            bar(share, width),
            count(row["calls"]),
        )
    sums = (money.cell(document["totals"]["amount"]) for document in (snapshot.today, snapshot.month))
    table.add_row("total", "", *sums, "", count(snapshot.month["totals"]["calls"]), style="bold")
    return table


def _newest(snapshot: Snapshot) -> Table:
    """Return the newest calls with their exact amounts."""
    amounts = [entry["amount"] for entry in snapshot.newest["data"] if entry["amount"] is not None]
    places = max((len(amount.partition(".")[2]) for amount in amounts), default=0)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("newest call", no_wrap=True)
    for heading in ("team", "model"):
        table.add_column(heading, overflow="ellipsis", no_wrap=True)
    table.add_column("USD", justify="right", no_wrap=True)
    for entry in snapshot.newest["data"]:
        amount = entry["amount"]
        table.add_row(
            f"{datetime.fromisoformat(entry['time']).astimezone():%H:%M:%S}",
            _name(entry["team"]),
            entry["model"],
            Text(UNKNOWN, style="bold yellow") if amount is None else Text(f"{Decimal(amount):.{places}f}"),
        )
    return table


def _unpriced(snapshot: Snapshot) -> str:
    missing = int(snapshot.unpriced["totals"]["entries"] or 0)
    if not missing:
        return "none: every entry has a price"
    models = [f"{row['provider']} {row['model']}" for row in snapshot.unpriced["data"]]
    more = f" and {len(models) - _NAMED} more" if len(models) > _NAMED else ""
    return f"{count(missing)} entries of {', '.join(models[:_NAMED])}{more}: true spend is higher"


def _conservation(account: Mapping[str, Any]) -> str:
    totals = account["totals"]
    parts = " + ".join(f"{count(totals[name])} {name}" for name in _OUTCOMES if totals[name] or name == "counted")
    return f"{count(totals['received'])} received = {parts}" + ("" if account["balanced"] else "  DOES NOT BALANCE")


def _usd(document: Mapping[str, Any]) -> str:
    amount = document["totals"]["amount"]
    return MoneyFormat.fitting([amount]).text(amount)


def _name(value: str) -> Text:
    return Text(f"({value})", style="bold magenta") if value == UNALLOCATED else Text(value)
