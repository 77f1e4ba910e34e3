"""Refused events as rows: what was sent, what is wrong with it and where."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import pyarrow as pa

from outlay_schemas.arrow import REJECTS
from outlay_schemas.money import plain
from outlay_schemas.outcome import Verdict
from outlay_schemas.units import CALLS, FREQUENT

CONFLICT_REASON = (
    "this id was already counted for another content; send a new id for a new event, or the same content for a retry"
)


def conflicts(usage: pa.Table) -> pa.Table:
    """Return `REJECTS` rows, yet without received, partition and block, for events whose id names other content."""
    rows = [
        {
            "org": row["org"],
            "source": row["source"],
            "id": row["id"],
            "outcome": Verdict.CONFLICT.value,
            "pointer": "/id",
            "reason": CONFLICT_REASON,
            "event": json.dumps(_event(row), default=_text, separators=(",", ":")),
        }
        for row in usage.to_pylist(maps_as_pydicts="strict")
    ]
    return refused(rows)


def refused(rows: list[dict[str, str]]) -> pa.Table:
    """Return rows with the text columns of `REJECTS` as a table; a block stamps the other columns, null until then."""
    columns = [
        pa.array(
            [row[field.name] for row in rows]
            if pa.types.is_string(field.type) and field.name != "partition"
            else [None] * len(rows),
            field.type,
        )
        for field in REJECTS
    ]
    return pa.Table.from_arrays(columns, names=REJECTS.names)


def _event(row: Mapping[str, object]) -> dict[str, object]:
    """Return the event as it would be sent: no org, no defaults, quantities in one object."""
    quantities = {name: row[name] for name in FREQUENT if row[name]} | dict(row["quantities"])  # type: ignore[call-overload]
    if row["calls"] != 1:
        quantities[CALLS] = row["calls"]
    hidden = {"org", "calls", "quantities", *FREQUENT}
    kept = {name: value for name, value in row.items() if name not in hidden and value not in (None, {}, False)}
    return kept | {"quantities": quantities}


def _text(value: datetime | Decimal) -> str:
    return value.isoformat() if isinstance(value, datetime) else plain(value)
