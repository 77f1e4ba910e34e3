"""What a check of the ledger found, as people read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from outlay_api.cli.tables import Column, Tabulated

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


def _table(differences: Sequence[Found]) -> Tabulated:
    return Tabulated(
        columns=[
            *(Column(heading=name) for name in ("table", "partition", "where", "measure")),
            *(Column(heading=name, number=True) for name in ("is", "should be")),
        ],
        rows=[_row(each) for each in differences],
    )


def _row(each: Found) -> list[str]:
    where = ", ".join(f"{name}={value}" for name, value in each["key"].items())
    values = ("nothing" if each[name] is None else str(each[name]) for name in ("found", "expected"))
    return [each["table"], each["partition"], where, each["measure"], *values]
