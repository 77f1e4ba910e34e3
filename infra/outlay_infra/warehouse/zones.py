"""The reporting zone of each organisation, as its catalog says: the zone whose days the day rollups keep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from outlay_infra.warehouse.database import Database, Parameters

DEFAULT = "UTC"

_NEWEST = """
SELECT org, argMax(if(deleted, '', JSONExtractString(body, 'reporting_zone')), (version, at)) AS zone
FROM catalog WHERE kind = 'organisation' GROUP BY org HAVING zone NOT IN ('', 'UTC')
"""
_DECLARED = """
SELECT max(version) AS version FROM catalog WHERE org = {org:String} AND kind = 'organisation'
"""
_EXPIRED = "SELECT count() AS months FROM expired WHERE org = {org:String}"
_NOTE = pa.schema([("org", pa.string()), ("version", pa.uint32()), ("zone", pa.string()), ("whole", pa.bool_())])


def declared_version(database: Database, org: str) -> int:
    """Return the catalog version that last said something about the organisation itself; 0 when none did."""
    found: int = database.query(_DECLARED, {"org": org})["version"][0].as_py()
    return found


def note_rebuilt(database: Database, org: str, *, version: int, zone: str) -> None:
    """Keep, in `day_zones`, that every local day of `org` was summed by `zone`, as catalog `version` declares it."""
    expired = database.query(_EXPIRED, {"org": org})["months"][0].as_py()
    row = {"org": org, "version": version, "zone": zone, "whole": not expired}
    database.insert("day_zones", pa.Table.from_pylist([row], _NOTE))


def reporting_zones(database: Database) -> dict[str, str]:
    """Return the zone of every organisation that does not report in UTC."""
    rows = database.query(_NEWEST)
    return dict(zip(rows["org"].to_pylist(), rows["zone"].to_pylist(), strict=True))


@dataclass(frozen=True, slots=True)
class ZoneGroup:
    """The organisations of one zone, as a condition on `org`; ClickHouse takes one zone a statement."""

    zone: str
    condition: str
    orgs: tuple[str, ...]

    @property
    def parameters(self) -> Parameters:
        """Values of `{zone}` and `{zone_orgs}`."""
        return {"zone": self.zone, "zone_orgs": list(self.orgs)}


def zone_groups(zones: Mapping[str, str]) -> Iterator[ZoneGroup]:
    """Yield every zone in use, the default one last: it stands for all organisations that `zones` does not name."""
    named: dict[str, list[str]] = {}
    for org, zone in sorted(zones.items()):
        named.setdefault(zone, []).append(org)
    for zone, orgs in named.items():
        yield ZoneGroup(zone, "org IN {zone_orgs:Array(String)}", tuple(orgs))
    yield ZoneGroup(DEFAULT, "org NOT IN {zone_orgs:Array(String)}", tuple(sorted(zones)))
