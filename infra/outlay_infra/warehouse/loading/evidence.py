"""Which shares of blocks a table holds, asked of its own rows: no memory of past inserts is trusted.

Every question is a look-up by primary key, however large the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from outlay_infra.warehouse.database import Database
from outlay_infra.warehouse.loading.shares import NO_ORG, Share, Target
from outlay_schemas.arrow import RECEIPTS

Key = tuple[int, int]

_MARKED = """
SELECT toUInt64({offset_column}) AS offset, toYYYYMM({time}) AS period, sum(entries) AS copies
FROM {table}
WHERE org = {no_org:String} AND {partition_column} = {partition:String} AND {offset_column} IN {marks:Array(String)}
GROUP BY ALL
"""
_TIMES = "(SELECT fromUnixTimestamp64Milli(arrayJoin({times:Array(Int64)}), 'UTC'))"
_OWN: Mapping[str, str] = MappingProxyType(
    {
        "ledger": f"""
SELECT DISTINCT block AS offset, toYYYYMM(time) AS period, toInt64(1) AS copies FROM ledger
WHERE org IN {{orgs:Array(String)}} AND team IN {{teams:Array(String)}} AND time IN {_TIMES}
AND `partition` = {{partition:String}} AND block IN {{offsets:Array(UInt64)}}
""",
        "rejects": f"""
SELECT DISTINCT block AS offset, toYearWeek(received, 3) AS period, toInt64(1) AS copies FROM rejects
WHERE org IN {{orgs:Array(String)}} AND received IN {_TIMES}
AND `partition` = {{partition:String}} AND block IN {{offsets:Array(UInt64)}}
""",
        "receipts": """
SELECT DISTINCT block AS offset, toYYYYMM(day) AS period, toInt64(1) AS copies FROM receipts
WHERE `partition` = {partition:String} AND block IN {offsets:Array(UInt64)}
""",
    }
)
_IDS = """
SELECT DISTINCT id_hash, toUnixTimestamp64Milli(received) AS received FROM event_ids
WHERE id_hash IN {hashes:Array(UInt64)}
"""
_RECEIPTS = f"""
SELECT {", ".join(f"`{name}`" for name in RECEIPTS.names)} FROM receipts
WHERE `partition` = {{partition:String}} AND block BETWEEN {{first:UInt64}} AND {{last:UInt64}}
"""


def receipts(database: Database, partition: str, first: int, last: int) -> pa.Table:
    """Return the `RECEIPTS` of the blocks from `first` to `last`, both included: of those that are wholly stored."""
    found = database.query(_RECEIPTS, {"partition": partition, "first": first, "last": last})
    return found.select(RECEIPTS.names).cast(RECEIPTS)


def held(database: Database, target: Target, partition: str, asked: Sequence[Share]) -> Mapping[Key, int]:
    """Return, by offset and period, how often the table holds each of the shares that it holds at all."""
    if not asked:
        return {}
    if target.table == "event_ids":
        return _held_ids(database, asked)
    sql = _marked_sql(target) if target.mark else _OWN[target.table]
    rows = database.query(sql, _parameters(target, partition, asked)).to_pylist()
    return {(row["offset"], row["period"]): row["copies"] for row in rows}


def _marked_sql(target: Target) -> str:
    places = {
        "{table}": target.table,
        "{time}": target.time,
        "{partition_column}": target.mark["partition"],
        "{offset_column}": target.mark["offset"],
    }
    sql = _MARKED
    for place, name in places.items():
        sql = sql.replace(place, name)
    return sql


def _parameters(target: Target, partition: str, asked: Sequence[Share]) -> dict[str, Any]:
    offsets = sorted({share.offset for share in asked})
    firsts = [share.first for share in asked]
    parameters: dict[str, Any] = {"partition": partition}
    if target.mark:
        return parameters | {"marks": [str(offset) for offset in offsets], "no_org": NO_ORG}
    parameters["offsets"] = offsets
    if target.table != "receipts":
        parameters["orgs"] = sorted({row["org"] for row in firsts})
        parameters["times"] = sorted({_milliseconds(row[target.time]) for row in firsts})
    if target.table == "ledger":
        parameters["teams"] = sorted({row["team"] for row in firsts})
    return parameters


def _held_ids(database: Database, asked: Sequence[Share]) -> Mapping[Key, int]:
    """Ask for identities that arrived at the block's own instant: those are the block's, for each is counted once."""
    found = database.query(_IDS, {"hashes": sorted({share.first["id_hash"] for share in asked})}).to_pylist()
    there = {(row["id_hash"], row["received"]) for row in found}
    return {
        share.key: 1 for share in asked if (share.first["id_hash"], _milliseconds(share.first["received"])) in there
    }


def _milliseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)
