"""Columns a table keeps in another form than it shows, and the names under which they are written (see `ddl/`)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pyarrow as pa

WRITTEN_AS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "ledger": MappingProxyType({"id": "id_sent", "received": "received_sent"}),
        "event_ids": MappingProxyType({"time": "time_sent"}),
    }
)


def as_written(table: str, rows: pa.Table) -> pa.Table:
    """Return `rows` under the names by which `table` takes them."""
    names = WRITTEN_AS.get(table, {})
    return rows.rename_columns([names.get(name, name) for name in rows.column_names])
