"""Entries found by identity: which identities the ledger holds, the newest of them, and the entry behind one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pyarrow as pa

from outlay_infra.warehouse.database import Database, Queries
from outlay_infra.warehouse.partitions import partitions_present
from outlay_schemas.arrow import ENTRIES
from outlay_schemas.identity import id_hash

PAGE = 200_000

_FIND = "SELECT id_hash, content_hash FROM event_ids WHERE id_hash IN {hashes:Array(UInt64)}"
_RECENT = """
SELECT id_hash, content_hash, received FROM event_ids
WHERE received >= {since:DateTime64(3, 'UTC')} AND toYearWeek(received, 3) = {week:UInt32}
ORDER BY received DESC LIMIT {limit:UInt64}
"""
_PLACES = "SELECT DISTINCT team, time FROM event_ids WHERE id_hash = {hash:UInt64} AND org = {org:String}"
_ENTRIES = f"""
SELECT {", ".join(f"`{name}`" for name in ENTRIES.names)} FROM ledger
WHERE org = {{org:String}} AND id = {{id:String}}
"""
_THERE = " AND source = {source:String} AND team = {team:String} AND time = {time:DateTime64(3, 'UTC')}"


def find_ids(database: Database, hashes: pa.Array) -> pa.Table:
    """Return `id_hash`, `content_hash` of the hashes that the ledger holds; one stored twice comes twice."""
    pages = [hashes.slice(start, PAGE) for start in range(0, max(len(hashes), 1), PAGE)]
    return pa.concat_tables(database.query(_FIND, {"hashes": page.to_pylist()}) for page in pages)


def recent_ids(database: Database, since: datetime, limit: int) -> Iterator[pa.Table]:
    """Yield `id_hash`, `content_hash`, `received` of the newest `limit` entries received since, newest first."""
    for week in reversed(list(partitions_present(database, "event_ids"))):  # a week at a time bounds the sorting
        if limit <= 0:
            return
        for batch in database.stream(_RECENT, {"since": since, "week": week, "limit": limit}):
            limit -= batch.num_rows
            yield pa.Table.from_batches([batch])


def find_entries(database: Queries, org: str, identity: str, source: str | None = None) -> pa.Table:
    """Return the entries of one event id: by its hash where `source` is known, else by the filter over ids."""
    if source is None:
        return database.query(_ENTRIES, {"org": org, "id": identity}).cast(ENTRIES)
    places = database.query(_PLACES, {"hash": id_hash(org, source, identity), "org": org}).to_pylist()
    found = [
        database.query(_ENTRIES + _THERE, {"org": org, "id": identity, "source": source, **place}) for place in places
    ]
    return pa.concat_tables(found).cast(ENTRIES) if found else ENTRIES.empty_table()
