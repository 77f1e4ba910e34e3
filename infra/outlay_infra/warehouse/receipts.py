"""Conservation: what was received is counted, duplicate, conflict or rejected, what was counted is in the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from outlay_infra.errors import QueryError
from outlay_infra.warehouse.check import Difference, Range, Still
from outlay_infra.warehouse.database import Database
from outlay_infra.warehouse.shared_retention import asides

_UNBALANCED = """
SELECT org, source, day, `partition`, block, received, counted + duplicate + conflict + rejected AS accounted
FROM receipts WHERE received != accounted AND {range} ORDER BY ALL LIMIT 100
"""
_UNCOUNTED = """
SELECT org, source, day, sum(counted) AS counted, sum(stored) AS stored FROM (
    SELECT org, source, day, counted, toInt64(0) AS stored FROM receipts
    UNION ALL SELECT org, source, day, toInt64(0) AS counted, entries AS stored FROM expired
    UNION ALL
    SELECT org, source, toDate32(received, 'UTC') AS day, toInt64(0) AS counted, toInt64(count()) AS stored
    FROM ledger GROUP BY ALL
    {asides}
) WHERE {range} GROUP BY ALL HAVING counted != stored ORDER BY ALL LIMIT 100
"""
_ASIDE = """
    UNION ALL
    SELECT org, source, toDate32(received, 'UTC') AS day, toInt64(0) AS counted, toInt64(count()) AS stored
    FROM {aside}
    WHERE '{aside}' NOT IN (SELECT `partition` FROM expired WHERE upto = 1)
    AND (`partition`, block) NOT IN (SELECT `partition`, block FROM ledger WHERE toYYYYMM(time) = {month})
    GROUP BY ALL
"""
"""What retention has moved out of the ledger and not counted yet, but for blocks stored there again."""
_UNFINISHED = "some block is not finished: its loader finishes it, so let it run; without Kafka start the server"


def conservation(database: Database, checked: Range, still: Still) -> list[Difference]:
    """Return receipts that do not add up, and sources whose receipts count other than the ledger holds."""
    found = list(_differences(database, checked))
    if found:
        with still():
            found = list(_differences(database, checked))
    return found


def _differences(database: Database, checked: Range) -> Iterator[Difference]:
    condition, parameters = _range(checked)
    for row in database.query(_UNBALANCED.replace("{range}", condition), parameters).to_pylist():
        yield Difference(
            table="receipts",
            partition=f"{row['day']:%Y%m}",
            key={name: str(row[name]) for name in ("org", "source", "day", "partition", "block")},
            measure="received",
            expected=row["accounted"],
            found=row["received"],
            mend="this receipt was written wrong; report it",
        )
    for row in _uncounted(database, condition, parameters):
        yield Difference(
            table="receipts",
            partition=f"{row['day']:%Y%m}",
            key={name: str(row[name]) for name in ("org", "source", "day")},
            measure="counted",
            expected=row["stored"],
            found=row["counted"],
            mend=_UNFINISHED,
        )


def _uncounted(database: Database, condition: str, parameters: Mapping[str, object]) -> list[dict[str, Any]]:
    aside = sorted((name, month) for name, month, _ in asides(database))
    also = "".join(_ASIDE.replace("{aside}", name).replace("{month}", str(month)) for name, month in aside)
    sql = _UNCOUNTED.replace("{asides}", also).replace("{range}", condition)
    try:
        rows: list[dict[str, Any]] = database.query(sql, parameters).to_pylist()
    except QueryError:
        if aside == sorted((name, month) for name, month, _ in asides(database)):
            raise
        return _uncounted(database, condition, parameters)  # one was dropped meanwhile
    return rows


def _range(checked: Range) -> tuple[str, dict[str, object]]:
    conditions, parameters = ["1"], dict[str, object]()
    if checked.org is not None:
        conditions.append("org = {org:String}")
        parameters["org"] = checked.org
    if checked.days:
        conditions.append("day >= {first:Date32} AND day < {last:Date32}")
        parameters |= {"first": checked.days[0], "last": checked.days[1]}
    return " AND ".join(conditions), parameters
