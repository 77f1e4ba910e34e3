"""The zone an organisation reports in, and whether the day rollups keep the days of that zone throughout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import pyarrow as pa

from outlay_api.queries.statement import Statement

_ZONES = """
SELECT version, JSONExtractString(body, 'reporting_zone') AS zone FROM catalog
WHERE org = {org:String} AND kind = 'organisation' AND NOT deleted ORDER BY version
"""
_OLDER = """
SELECT 1 AS found FROM ledger WHERE org = {org:String} AND catalog_version < {version:UInt32} LIMIT 1
"""
DEFAULT = "UTC"


class Reader(Protocol):
    """What reading needs of the warehouse."""

    def query(self, sql: str, params: Mapping[str, Any] = ..., /) -> pa.Table:
        """Return the rows of a SELECT."""
        ...


@dataclass(frozen=True, slots=True)
class ReportingDays:
    """An organisation's reporting zone; `kept` when every day row was summed by it, so that days may answer."""

    zone: ZoneInfo
    kept: bool = True


def reporting_days(warehouse: Reader, org: str) -> ReportingDays:
    """Return the reporting zone of `org`; entries metered under an earlier zone lie in that zone's days."""
    rows = _rows(warehouse, Statement(_ZONES, {"org": org}))
    history = [(0, DEFAULT), *((row["version"], row["zone"] or DEFAULT) for row in rows)]
    zone = history[-1][1]
    since = min(version for version, _ in takewhile(lambda past: past[1] == zone, reversed(history)))
    older = since > 0 and _rows(warehouse, Statement(_OLDER, {"org": org, "version": since}))
    return ReportingDays(ZoneInfo(zone), kept=not older)


def _rows(warehouse: Reader, statement: Statement) -> Sequence[Mapping[str, Any]]:
    rows: list[dict[str, Any]] = warehouse.query(statement.sql, statement.params).to_pylist()
    return rows
