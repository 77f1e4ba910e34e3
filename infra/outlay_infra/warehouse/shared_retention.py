"""Forgetting entries beside loaders: a month is moved aside in one step, counted in `expired`, and only then dropped.

One process at a time does so, and a month has one aside at a time. A loader that finds rows gone which it just stored
stores them again, so what lies aside is counted once its blocks are complete, and not where the ledger has it again.
What arrives for the month later is moved the next time; a run cut short is finished by the next one.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

from outlay_infra.errors import StoreError
from outlay_infra.warehouse.database import Database, Tables
from outlay_infra.warehouse.partitions import month_days, partitions_present

_ASIDE = re.compile(r"expired_(\d{6})_[0-9a-f]{8}")
_LOCK = "forgetting"
STALE_SECONDS = 3600
"""After so long a run counts as cut short."""

_TABLES = """
SELECT name, toUInt64(ifNull(total_rows, 0)) AS entries
FROM system.tables WHERE database = currentDatabase() AND startsWith(name, 'expired_') ORDER BY name
"""
_HELD = """
SELECT metadata_modification_time < now() - {stale:Int64} AS stale, comment AS owner FROM system.tables
WHERE database = currentDatabase() AND name = {lock:String}
"""
_ANNOUNCE = """
INSERT INTO expired (month, org, source, day, entries, `partition`, upto)
SELECT DISTINCT {month:UInt32}, org, '', {day:Date32}, toInt64(0), {aside:String}, toUInt64(0)
FROM ledger WHERE toYYYYMM(time) = {month:UInt32}
"""
_OPEN = """
SELECT count() AS blocks FROM (
    SELECT DISTINCT `partition`, block FROM {aside}
) WHERE (`partition`, block) NOT IN (
    SELECT `partition`, block FROM receipts
    WHERE block BETWEEN (SELECT min(block) FROM {aside}) AND (SELECT max(block) FROM {aside})
)
"""
_COUNTED = "SELECT count() AS rows FROM expired WHERE `partition` = {aside:String} AND upto = 1"
_COUNT = """
INSERT INTO expired (month, org, source, day, entries, `partition`, upto)
SETTINGS insert_deduplicate = 1, max_threads = 1, max_insert_threads = 1, insert_deduplication_token = '{aside}'
SELECT {month:UInt32} AS month, l.org, l.source, toDate32(l.received, 'UTC') AS day, toInt64(count()) AS entries,
    '{aside}' AS counted_as, toUInt64(1) AS upto
FROM {aside} AS l
WHERE (l.`partition`, l.block) NOT IN (SELECT `partition`, block FROM ledger WHERE toYYYYMM(time) = {month:UInt32})
GROUP BY ALL
"""


def forget(database: Tables, today: date, raw_days: int | None) -> list[str]:
    """Drop the entries of months that ended more than `raw_days` days before `today`; return a line for each.

    First what an earlier run began is finished. A month waits for the next run while a loader is in the midst of it;
    nothing is done while another process does the same.
    """
    with _alone(database) as alone:
        if not alone:
            return []
        lines = list(_finish(database))
        waiting = {month for _, month, _ in asides(database)}
        edge = today - timedelta(days=raw_days or 0)
        for month in partitions_present(database, "ledger") if raw_days is not None else ():
            if month_days(month)[1] <= edge and month not in waiting:
                _set_aside(database, month)
        return [*lines, *_finish(database)]


@contextmanager
def _alone(database: Database) -> Iterator[bool]:
    """Yield whether no other process forgets at the moment: a table's name is had by one, named in its comment."""
    owner = secrets.token_hex(8)
    if not _taken(database, owner):
        yield False
        return
    try:
        yield True
    finally:
        if _owner(database) == owner:  # not another's, after a run so long that it counted as cut short
            database.command(f"DROP TABLE IF EXISTS {_LOCK} SYNC")


def _taken(database: Database, owner: str) -> bool:
    try:
        database.command(f"CREATE TABLE {_LOCK} (held UInt8) ENGINE = Memory COMMENT '{owner}'")
    except StoreError as error:
        held = _held(database)
        if held and held[0]["owner"] == owner:
            return True  # it was the answer alone that failed
        if not held and "already exists" not in str(error):
            raise
        if held and held[0]["stale"]:
            database.command(f"DROP TABLE IF EXISTS {_LOCK} SYNC")  # the next run has it
        return False
    return True


def _owner(database: Database) -> str | None:
    held = _held(database)
    return held[0]["owner"] if held else None


def _held(database: Database) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = database.query(_HELD, {"lock": _LOCK, "stale": STALE_SECONDS}).to_pylist()
    return rows


def _set_aside(database: Tables, month: int) -> None:
    """Move a month out of the ledger; that its entries are going is told first, so that no answer leaves them out."""
    aside = f"expired_{month}_{secrets.token_hex(4)}"
    database.everywhere(f"CREATE TABLE {aside} AS ledger")
    database.command(_ANNOUNCE, {"month": month, "day": month_days(month)[0], "aside": aside})
    database.command(f"ALTER TABLE ledger MOVE PARTITION ID '{month}' TO TABLE {aside}")


def asides(database: Database) -> Iterator[tuple[str, int, int]]:
    """Yield the name, the month and the number of entries of what lies aside."""
    for table in database.query(_TABLES).to_pylist():
        if named := _ASIDE.fullmatch(table["name"]):
            yield table["name"], int(named[1]), table["entries"]


def _finish(database: Tables) -> Iterator[str]:
    for aside, month, entries in asides(database):
        if entries and _in(database, _OPEN, aside)[0]["blocks"]:
            continue
        if entries:
            _count(database, aside, month)
            yield f"dropped partition {month} of ledger"
        database.everywhere(f"DROP TABLE IF EXISTS {aside} SYNC")


def _count(database: Database, aside: str, month: int) -> None:
    """Count what was moved, once. A block that a loader found gone, and stored again, counts where it is now."""
    if not _in(database, _COUNTED, aside)[0]["rows"]:
        database.command(_COUNT.replace("{aside}", aside), {"month": month})


def _in(database: Database, sql: str, aside: str) -> list[dict[str, int]]:
    rows: list[dict[str, int]] = database.query(sql.replace("{aside}", aside), {"aside": aside}).to_pylist()
    return rows
