"""What the tables hold of an organisation: whose days the day rollups keep, and since when the ledger is whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import pyarrow as pa

from outlay_api.queries.statement import Statement

DEFAULT_ZONE = "UTC"

_DECLARED = """
SELECT version, JSONExtractString(body, 'reporting_zone') AS zone, 0 AS expired FROM catalog
WHERE org = {org:String} AND kind = 'organisation' AND NOT deleted
UNION ALL
SELECT 0 AS version, '' AS zone, max(month) AS expired FROM expired WHERE org = {org:String}
ORDER BY version
"""
_OLDER = """
SELECT 1 AS found FROM ledger WHERE org = {org:String} AND catalog_version < {version:UInt32} LIMIT 1
"""


class Reader(Protocol):
    """What reading needs of the warehouse."""

    def query(self, sql: str, params: Mapping[str, Any] = ..., /) -> pa.Table:
        """Return the rows of a SELECT."""
        ...


@dataclass(frozen=True, slots=True)
class Coverage:
    """What can be answered from where."""

    zone: ZoneInfo
    """The zone the organisation reports in."""
    days_kept: bool = True
    """Whether every day row was summed by that zone, so that days may answer."""
    ledger_from: datetime | None = None
    """Since when the ledger has every entry; None when retention removed none. Rollups are kept for ever."""


def coverage_of(warehouse: Reader, org: str) -> Coverage:
    """Return what the tables hold of `org`; entries metered under an earlier zone lie in that zone's days."""
    rows = _rows(warehouse, Statement(_DECLARED, {"org": org}))
    expired = max(row["expired"] for row in rows)
    history = [(0, DEFAULT_ZONE), *((row["version"], row["zone"]) for row in rows if row["zone"])]
    zone = history[-1][1]
    since = min(version for version, _ in takewhile(lambda past: past[1] == zone, reversed(history)))
    older = since > 0 and _rows(warehouse, Statement(_OLDER, {"org": org, "version": since}))
    return Coverage(ZoneInfo(zone), days_kept=not older, ledger_from=_month_after(expired) if expired else None)


def _month_after(month: int) -> datetime:
    """Return the first instant after a month written as 202605."""
    later = datetime(month // 100, month % 100, 1, tzinfo=UTC) + timedelta(days=32)
    return later.replace(day=1)


def _rows(warehouse: Reader, statement: Statement) -> Sequence[Mapping[str, Any]]:
    rows: list[dict[str, Any]] = warehouse.query(statement.sql, statement.params).to_pylist()
    return rows
