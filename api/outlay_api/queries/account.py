"""The account of what was received, summed over days or over sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

from outlay_api.queries.conservation import OUTCOMES

By = Literal["source", "day"]

OVER: Mapping[By, tuple[str, ...]] = MappingProxyType({"source": ("day",), "day": ("source",)})
"""What is summed over, and so no column, by what rows are for."""

_COUNTS = ("received", *OUTCOMES, "pending", "balance")

Row = Mapping[str, Any]


def summed(rows: Sequence[Row], by: By | None) -> list[dict[str, Any]]:
    """Return one row for each source or day, in the order in which they first come; the rows as they are for None."""
    if by is None:
        return [dict(row) for row in rows]
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[by], []).append(row)
    return [{by: name, **total(group, verified="entries" in group[0])} for name, group in groups.items()]


def total(rows: Sequence[Row], *, verified: bool) -> dict[str, int]:
    """Return the sums of every count; `entries` among them when the ledger itself was counted."""
    names = (*_COUNTS, "entries") if verified else _COUNTS
    return {name: sum(row[name] for row in rows) for name in names}
