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

_HELD = """
SELECT 'declared' AS what, version, if(deleted, '', JSONExtractString(body, 'reporting_zone')) AS zone FROM catalog
WHERE org = {org:String} AND kind = 'organisation'
UNION ALL
SELECT if(whole, 'rebuilt', 'rebuilt in part') AS what, max(version) AS version, '' AS zone FROM day_zones
WHERE org = {org:String} GROUP BY whole
UNION ALL
SELECT 'expired' AS what, max(month) AS version, '' AS zone FROM expired WHERE org = {org:String}
ORDER BY version
"""
_OLDER = """
SELECT 1 AS found FROM ledger WHERE org = {org:String} AND catalog_version < {version:UInt32} LIMIT 1
"""
_ORGANISATIONS = "SELECT DISTINCT org FROM catalog WHERE kind = 'organisation' ORDER BY org"


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


@dataclass(frozen=True, slots=True)
class _Held:
    """The reporting zone, the catalog version since which it holds, and which versions the days were rebuilt for."""

    zone: str
    since: int
    rebuilt: int
    rebuilt_in_part: int
    expired: int
    """The last month that retention removed, as 202605; 0 for none."""

    @property
    def kept(self) -> bool:
        """Whether every day was summed by the zone, for it never changed or the days were rebuilt since."""
        return self.since <= self.rebuilt


def coverage_of(warehouse: Reader, org: str) -> Coverage:
    """Return what the tables hold of `org`; entries metered under an earlier zone lie in that zone's days."""
    held = _held(warehouse, org)
    kept = held.kept or (
        not held.expired and not _rows(warehouse, Statement(_OLDER, {"org": org, "version": held.since}))
    )
    since = _month_after(held.expired) if held.expired else None
    return Coverage(ZoneInfo(held.zone), days_kept=kept, ledger_from=since)


def organisations(warehouse: Reader) -> list[str]:
    """Return the organisations that ever said anything about themselves."""
    found: list[str] = warehouse.query(_ORGANISATIONS)["org"].to_pylist()
    return found


def days_follow(warehouse: Reader, org: str) -> bool:
    """Return whether the days of `org` were rebuilt, as far as entries are left, since its reporting zone changed."""
    held = _held(warehouse, org)
    return held.since <= max(held.rebuilt, held.rebuilt_in_part)


def _held(warehouse: Reader, org: str) -> _Held:
    rows = _rows(warehouse, Statement(_HELD, {"org": org}))
    declared = [(row["version"], row["zone"] or DEFAULT_ZONE) for row in rows if row["what"] == "declared"]
    history = [(0, DEFAULT_ZONE), *declared]
    zone = history[-1][1]
    newest = {row["what"]: row["version"] for row in rows}
    return _Held(
        zone,
        since=min(version for version, _ in takewhile(lambda past: past[1] == zone, reversed(history))),
        rebuilt=newest.get("rebuilt", 0),
        rebuilt_in_part=newest.get("rebuilt in part", 0),
        expired=newest["expired"],
    )


def _month_after(month: int) -> datetime:
    """Return the first instant after a month written as 202605."""
    later = datetime(month // 100, month % 100, 1, tzinfo=UTC) + timedelta(days=32)
    return later.replace(day=1)


def _rows(warehouse: Reader, statement: Statement) -> Sequence[Mapping[str, Any]]:
    rows: list[dict[str, Any]] = warehouse.query(statement.sql, statement.params).to_pylist()
    return rows
