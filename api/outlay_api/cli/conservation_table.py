"""The account of every event received, as people read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from outlay_api.cli.money import count

_COUNTS = ("received", "counted", "duplicate", "conflict", "rejected", "pending", "balance")

Account = Mapping[str, Any]


def conservation_table(document: Account) -> RenderableType:
    """Return received = counted + duplicate + conflict + rejected + pending, by source over all days of the answer."""
    title = Text(f"Events received from {document['from']} to before {document['to']}", style="bold")
    return Group(title, _table(document))


def _table(document: Account) -> Table:
    verified = "entries" in document["totals"]
    names = (*_COUNTS, "entries") if verified else _COUNTS
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("source")
    for name in names:
        table.add_column("in ledger" if name == "entries" else name, justify="right")
    for source, sums in sorted(_by_source(document["data"], names).items()):
        table.add_row(source, *(_cell(sums, name) for name in names))
    table.add_section()
    table.add_row("total", *(_cell(document["totals"], name) for name in names), style="bold")
    return table


def verdict(document: Account) -> str:
    """Say whether the account is balanced."""
    if document["balanced"]:
        return f"every one of {document['totals']['received']:,} events is accounted for"
    return "events are missing or counted twice: see the balance, and counted against the ledger's own entries"


def _by_source(rows: Iterable[Account], names: Iterable[str]) -> dict[str, dict[str, int]]:
    sums: dict[str, dict[str, int]] = {}
    for row in rows:
        into = sums.setdefault(row["source"], dict.fromkeys(names, 0))
        for name in names:
            into[name] += row[name]
    return sums


def _cell(sums: Account, name: str) -> Text:
    value = int(sums[name])
    wrong = (name == "balance" and value != 0) or (name == "entries" and value != sums["counted"])
    return Text(
        count(value) if value or name in {"received", "counted", "balance", "entries"} else "", "red" if wrong else ""
    )
