"""The reporting zone of each organisation, as its catalog says: the zone whose days the day rollups keep."""

from __future__ import annotations

from collections.abc import Iterable

from outlay_infra.warehouse.database import Database

DEFAULT = "UTC"

_NEWEST = """
SELECT org, argMax(JSONExtractString(body, 'reporting_zone'), version) AS zone
FROM catalog WHERE kind = 'organisation' AND NOT deleted GROUP BY org HAVING zone != ''
"""
_AT_VERSION = """
SELECT JSONExtractString(body, 'reporting_zone') AS zone FROM catalog
WHERE org = {org:String} AND kind = 'organisation' AND version <= {version:UInt32} AND NOT deleted
ORDER BY version DESC LIMIT 1
"""


def reporting_zones(database: Database) -> dict[str, str]:
    """Return the zone of every organisation that declares one; all others report in UTC."""
    rows = database.query(_NEWEST)
    return dict(zip(rows["org"].to_pylist(), rows["zone"].to_pylist(), strict=True))


class ZoneHistory:
    """The zone an organisation had at a catalog version. A version never changes, so answers are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[tuple[str, int], str] = {}

    def at(self, versions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], str]:
        """Return the zone for each (org, catalog version)."""
        return {version: self._known.get(version) or self._read(*version) for version in versions}

    def _read(self, org: str, version: int) -> str:
        rows = self._database.query(_AT_VERSION, {"org": org, "version": version})
        zone = (rows["zone"][0].as_py() or DEFAULT) if rows.num_rows else DEFAULT
        self._known[org, version] = zone
        return zone
