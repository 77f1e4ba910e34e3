"""Entries found by identity: which identities the ledger holds, the newest of them, and the entry behind one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pyarrow as pa
import xxhash

from outlay_infra.warehouse.database import Database
from outlay_schemas.arrow import ENTRIES

PAGE = 200_000

_FIND = "SELECT id_hash, content_hash FROM event_ids WHERE id_hash IN {hashes:Array(UInt64)}"
_RECENT = """
SELECT id_hash, content_hash, received FROM event_ids
WHERE received >= {since:DateTime64(3, 'UTC')} ORDER BY received DESC LIMIT {limit:UInt64}
"""
_PLACES = "SELECT DISTINCT org, team, time FROM event_ids WHERE id_hash IN {hashes:Array(UInt64)}"
_SOURCES = "SELECT DISTINCT source FROM receipts WHERE org = {org:String}"


def id_hash(org: str, source: str, identity: str) -> int:
    """Return XXH3-64 of the three joined by U+001F, as `outlay_schemas.arrow.IDS` says."""
    return xxhash.xxh3_64_intdigest(f"{org}\x1f{source}\x1f{identity}".encode())


def find_ids(database: Database, hashes: pa.Array) -> pa.Table:
    """Return `id_hash`, `content_hash` of the hashes that the ledger holds; one stored twice comes twice."""
    pages = [hashes.slice(start, PAGE) for start in range(0, max(len(hashes), 1), PAGE)]
    return pa.concat_tables(database.query(_FIND, {"hashes": page.to_pylist()}) for page in pages)


def recent_ids(database: Database, since: datetime, limit: int) -> Iterator[pa.Table]:
    """Yield `id_hash`, `content_hash`, `received` of the newest `limit` entries received since, newest first."""
    for batch in database.stream(_RECENT, {"since": since, "limit": limit}):
        yield pa.Table.from_batches([batch])


def find_entries(database: Database, org: str, identity: str, source: str | None = None) -> pa.Table:
    """Return the entries of one event id, from any source unless one is named: first the places, then the rows."""
    sources = [source] if source is not None else database.query(_SOURCES, {"org": org})["source"].to_pylist()
    hashes = [id_hash(org, name, identity) for name in sources]
    places = database.query(_PLACES, {"hashes": hashes}).to_pylist() if hashes else []
    columns = ", ".join(f"`{name}`" for name in ENTRIES.names)
    found = [
        database.query(
            f"SELECT {columns} FROM ledger WHERE org = {{org:String}} AND team = {{team:String}}"
            " AND time = {time:DateTime64(3, 'UTC')} AND source IN {sources:Array(String)} AND id = {id:String}",
            {"org": org, "team": place["team"], "time": place["time"], "sources": sources, "id": identity},
        )
        for place in places
        if place["org"] == org
    ]
    return pa.concat_tables(found).cast(ENTRIES) if found else ENTRIES.empty_table()
