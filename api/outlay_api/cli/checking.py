"""What a check of the ledger found, as people read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

Found = Mapping[str, Any]

SHOWN = 50
"""Most differences in a table; JSON and CSV have all."""


def check_view(document: Found, repaired: Sequence[str] = ()) -> RenderableType:
    """Return the verdict, what was repaired, and the differences that are left."""
    parts: list[RenderableType] = [Text(line) for line in repaired]
    differences = document["differences"]
    if not differences:
        return Group(*parts, Text("every sum agrees with the ledger's entries, every receipt with the count", "green"))
    parts += [Text(f"{len(differences):,} differences", style="bold red"), _table(differences[:SHOWN])]
    if len(differences) > SHOWN:
        parts.append(Text(f"and {len(differences) - SHOWN:,} more (--format json)"))
    return Group(*parts)


def _table(differences: Sequence[Found]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("table", "partition", "where", "measure"):
        table.add_column(name, overflow="fold")
    table.add_column("is", justify="right")
    table.add_column("should be", justify="right")
    for each in differences:
        where = ", ".join(f"{name}={value}" for name, value in each["key"].items())
        values = ("nothing" if each[name] is None else str(each[name]) for name in ("found", "expected"))
        table.add_row(each["table"], each["partition"], where, each["measure"], *values)
    return table
