"""The account of every event received, as people read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from outlay_api.cli.money import count
from outlay_api.cli.tables import Column, Tabulated

_COUNTS = ("received", "counted", "duplicate", "conflict", "rejected", "pending", "balance")
_QUIET = frozenset({"conflict", "pending", "balance"})

Account = Mapping[str, Any]


def conservation_table(document: Account) -> RenderableType:
    """Return received = counted + duplicate + conflict + rejected + pending, by source over all days of the answer."""
    return Group(Text(_title(document), style="bold"), _table(document))


def _title(document: Account) -> str:
    days = sorted(row["day"] for row in document["data"])
    if not days:
        return f"Nothing was received from {document['from']} to before {document['to']}"
    return f"Events received on {days[0]} (UTC)" if days[0] == days[-1] else f"Events received {days[0]} to {days[-1]}"


def _table(document: Account) -> Tabulated:
    sources = _by_source(document["data"], (*_COUNTS, *(name for name in ("entries",) if name in document["totals"])))
    names = [name for name in (*_COUNTS, "entries") if name in document["totals"] and _told(name, sources.values())]
    return Tabulated(
        columns=[
            Column(heading="source"),
            *(Column(heading="in ledger" if name == "entries" else name, number=True) for name in names),
        ],
        rows=[[source, *(_cell(sums, name) for name in names)] for source, sums in sorted(sources.items())],
        total=["total", *(_cell(document["totals"], name) for name in names)],
    )


def _told(name: str, sources: Iterable[Account]) -> bool:
    """Return whether a column says something; what is never pending or out of balance needs none."""
    return name not in _QUIET or any(sums[name] for sums in sources)


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
