"""Valid usage events, transposed to the columns of `USAGE`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import pyarrow as pa

from outlay_schemas.arrow import QUANTITIES, TAGS, USAGE
from outlay_schemas.units import CALLS, FREQUENT
from outlay_schemas.usage import UsageEvent

COUNTED = frozenset((*FREQUENT, CALLS))
"""Units that have an integer column of their own."""

_PLAIN = tuple(
    (field.name, field.type) for field in USAGE if field.name not in {"org", "tags", "quantities", "calls", *FREQUENT}
)
"""Columns that are a field of the event as it stands."""

_Fields = dict[str, Any]


def usage_table(events: Sequence[UsageEvent], *, org: str) -> pa.Table:
    """Return `events` as a `USAGE` table, row by row.

    `calls` is 1 where a usage event does not say, and 0 for billed lines, which stand for no call of their own.
    """
    rows: list[_Fields] = [event.__dict__ for event in events]
    quantities: list[_Fields] = [row["quantities"] for row in rows]
    columns: dict[str, pa.Array] = {
        "org": pa.repeat(org, len(rows)),
        "tags": _map([sorted(row["tags"].items()) for row in rows], TAGS),
        "quantities": _map([_open(units) for units in quantities], QUANTITIES),
        "calls": pa.array(list(map(_calls, rows, quantities)), pa.int64()),
    }
    for unit in FREQUENT:
        columns[unit] = pa.array([int(units[unit]) if unit in units else 0 for units in quantities], pa.int64())
    for name, kind in _PLAIN:
        columns[name] = pa.array([row[name] for row in rows], kind)
    return pa.Table.from_arrays([columns[name] for name in USAGE.names], schema=USAGE)


def _open(quantities: _Fields) -> list[tuple[str, Any]]:
    units = quantities.keys() - COUNTED
    return [(unit, quantities[unit]) for unit in sorted(units)] if units else []


def _calls(row: _Fields, quantities: _Fields) -> int:
    said = quantities.get(CALLS)
    return int(said) if said is not None else int(row["kind"] == "usage")


def _map(rows: list[list[tuple[str, Any]]], kind: pa.MapType) -> pa.Array:
    offsets = pa.array(list(accumulate(map(len, rows), initial=0)), pa.int32())
    keys = pa.array([key for row in rows for key, _ in row], kind.key_type)
    return pa.MapArray.from_arrays(offsets, keys, pa.array([item for row in rows for _, item in row], kind.item_type))
