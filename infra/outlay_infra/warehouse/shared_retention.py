"""Forgetting entries beside loaders: a month is moved aside in one step, counted in `expired`, and only then dropped.

No lock is needed. What arrives for the month later is moved the next time; a run cut short is finished by the next one,
and runs side by side do no harm: what was moved never changes, and is counted under its name.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from datetime import date, timedelta

from outlay_infra.warehouse.database import Database
from outlay_infra.warehouse.partitions import month_days, partitions_present

_ASIDE = re.compile(r"expired_(\d{6})_[0-9a-f]{8}")
_TABLES = """
SELECT name, toUInt64(ifNull(total_rows, 0)) AS entries, metadata_modification_time < now() - INTERVAL 1 DAY AS old
FROM system.tables WHERE database = currentDatabase() AND startsWith(name, 'expired_') ORDER BY name
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


def forget(database: Database, today: date, raw_days: int | None) -> Iterator[str]:
    """Drop the entries of months that ended more than `raw_days` days before `today`; yield a line for each.

    First what an earlier run began is finished. A month waits for the next run while a loader is in the midst of it.
    """
    yield from _finish(database)
    if raw_days is None:
        return
    edge = today - timedelta(days=raw_days)
    for month in partitions_present(database, "ledger"):
        if month_days(month)[1] <= edge:
            _set_aside(database, month)
    yield from _finish(database)


def _set_aside(database: Database, month: int) -> None:
    """Move a month out of the ledger; that its entries are going is told first, so that no answer leaves them out."""
    aside = f"expired_{month}_{secrets.token_hex(4)}"
    database.command(f"CREATE TABLE {aside} AS ledger")
    database.command(_ANNOUNCE, {"month": month, "day": month_days(month)[0], "aside": aside})
    database.command(f"ALTER TABLE ledger MOVE PARTITION ID '{month}' TO TABLE {aside}")


def _finish(database: Database) -> Iterator[str]:
    for table in database.query(_TABLES).to_pylist():
        aside = table["name"]
        named = _ASIDE.fullmatch(aside)
        if named is None:
            continue
        if table["entries"]:
            if _in(database, _OPEN, aside)[0]["blocks"]:
                continue
            _count(database, aside, int(named[1]))
            yield f"dropped partition {named[1]} of ledger"
        elif not table["old"]:  # another process is about to move its month here
            continue
        database.command(f"DROP TABLE IF EXISTS {aside} SYNC")


def _count(database: Database, aside: str, month: int) -> None:
    """Count what was moved, once. A block that a loader found gone, and stored again, counts where it is now."""
    if not _in(database, _COUNTED, aside)[0]["rows"]:
        database.command(_COUNT.replace("{aside}", aside), {"month": month})


def _in(database: Database, sql: str, aside: str) -> list[dict[str, int]]:
    rows: list[dict[str, int]] = database.query(sql.replace("{aside}", aside), {"aside": aside}).to_pylist()
    return rows
