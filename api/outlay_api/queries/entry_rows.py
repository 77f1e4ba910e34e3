"""Ledger entries as JSON objects: absent text is null, and `quantities` holds every unit above zero.

The fields are those of `outlay_schemas.entry.SpendEntry`, but for where the ledger keeps the entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa

from outlay_api.http.encoders import plain_rows
from outlay_api.queries.entries import SHOWN
from outlay_schemas.money import plain
from outlay_schemas.units import FREQUENT

_ABSENT = frozenset({"reason", "region", "operation", "request_id", "trace_id", "rule_id", "price_id"})


def entry_rows(entries: pa.Table) -> list[dict[str, Any]]:
    """Return entries (with the columns `SHOWN`) as JSON objects."""
    return [_entry(row) for row in plain_rows(entries.select(SHOWN))]


def quantities(entry: Mapping[str, Any]) -> dict[str, Decimal]:
    """Return the quantities above zero of an entry (a ledger row or an object of `entry_rows`), by unit."""
    frequent = {name: Decimal(entry[name]) for name in FREQUENT if entry.get(name)}
    return frequent | {
        name: Decimal(quantity) for name, quantity in dict(entry["quantities"]).items() if Decimal(quantity)
    }


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    entry = {name: None if value == "" and name in _ABSENT else value for name, value in row.items()}
    used = {name: plain(quantity) for name, quantity in sorted(quantities(row).items())}
    return {name: value for name, value in entry.items() if name not in FREQUENT} | {"quantities": used}
