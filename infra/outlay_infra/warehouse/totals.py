"""A derived table and the ledger, each summed by org and day, so that two small answers stand for two large tables.

Besides the measures, the sum of hash(keys) * entries is compared: it moves when entries stand under a wrong key, even
where every plain sum still fits. It wraps at 2^64 on both sides alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from outlay_infra.warehouse import derive
from outlay_infra.warehouse.database import Database
from outlay_infra.warehouse.rollups import Rollup

OrgDay = tuple[str, date]
Totals = dict[OrgDay, dict[str, Any]]

FINGERPRINT = "fingerprint"
_DAY = timedelta(days=1)
_NO_MARKS = "t.org != ''"
"""Rows of no organisation say which blocks a table holds (`outlay_infra.warehouse.loading`)."""


def of_ledger(database: Database, rollup: Rollup, scope: derive.Scope, zones: Mapping[str, str]) -> Totals:
    """Return what the table ought to hold for `scope`, by org and day."""
    found: Totals = {}
    for group in derive.groups(rollup, zones):
        statement = _ledger_sql(rollup, f"{scope.condition} AND l.{group.condition}")
        found |= _read(database, statement, {**scope.parameters, **group.parameters})
    return found


def of_table(
    database: Database, rollup: Rollup, days: tuple[date, date] | None, org: str | None, expired: frozenset[int]
) -> Totals:
    """Return what the table holds for the days (half-open) and the org, by org and day."""
    conditions, parameters = [_NO_MARKS], dict[str, Any]()
    if days:
        conditions.append(f"{rollup.day} >= {{first:Date32}} AND {rollup.day} < {{last:Date32}}")
        parameters |= {"first": days[0], "last": days[1]}
    if org is not None:
        conditions.append("t.org = {org:String}")
        parameters["org"] = org
    if rollup.weekly:
        conditions.append("toYYYYMM(t.time) NOT IN {expired:Array(UInt32)}")
        parameters["expired"] = sorted(expired)
    return _read(database, _table_sql(rollup, " AND ".join(conditions)), parameters)


def days_scope(rollup: Rollup, days: tuple[date, date] | None, org: str | None) -> derive.Scope:
    """Return the ledger rows of those days of the table (half-open) and that org."""
    conditions, parameters = ["1"], dict[str, Any]()
    if days:
        conditions.append(f"{rollup.raw_day} >= {{first:Date32}} AND {rollup.raw_day} < {{last:Date32}}")
        parameters |= {"first": days[0], "last": days[1]}
        if not rollup.weekly:  # those days are days of use: let the partitions and the key narrow the reading
            conditions.append("l.time >= {from:DateTime64(3, 'UTC')} AND l.time < {to:DateTime64(3, 'UTC')}")
            parameters |= {"from": f"{days[0] - _DAY} 00:00:00.000", "to": f"{days[1] + _DAY} 00:00:00.000"}
    if org is not None:
        conditions.append("l.org = {org:String}")
        parameters["org"] = org
    return derive.Scope(" AND ".join(conditions), parameters)


def _read(database: Database, sql: str, parameters: Mapping[str, Any]) -> Totals:
    return {(row.pop("org"), row.pop("day")): row for row in database.query(sql, parameters).to_pylist()}


def _ledger_sql(rollup: Rollup, where: str) -> str:
    where = f"{rollup.condition} AND {where}"
    source = f"ledger AS l {rollup.rows} WHERE {where}"
    if rollup.aggregate != "sum":
        return _set_sql(f"SELECT DISTINCT {_named(rollup.keys)}, {_named(rollup.measures)} FROM {source}", rollup)
    entries = rollup.measures.get("entries", "1")
    return _sums_sql(
        f"l.org AS org, {rollup.raw_day} AS day", rollup.measures, list(rollup.keys.values()), entries, source
    )


def _table_sql(rollup: Rollup, where: str) -> str:
    source = f"{rollup.table} AS t WHERE {where}"
    if rollup.aggregate != "sum":
        keys = ", ".join(f"t.{name} AS {name}" for name in rollup.keys)
        (name,) = rollup.measures
        return _set_sql(f"SELECT DISTINCT {keys}, arrayJoin(t.{name}) AS {name} FROM {source}", rollup)
    measures = {name: f"t.{name}" for name in rollup.measures}
    keys_of_table = [f"t.{name}" for name in rollup.keys]
    return _sums_sql(
        f"t.org AS org, {rollup.day} AS day", measures, keys_of_table, measures.get("entries", "1"), source
    )


def _sums_sql(by: str, measures: Mapping[str, str], keys: list[str], entries: str, source: str) -> str:
    sums = [f"sum({expression}) AS `{name}`" for name, expression in measures.items()] or ["count() AS entries"]
    fingerprint = f"sum(cityHash64({', '.join(keys)}) * toUInt64({entries})) AS {FINGERPRINT}"
    return f"SELECT {by}, {', '.join(sums)}, {fingerprint} FROM {source} GROUP BY ALL"


def _set_sql(rows: str, rollup: Rollup) -> str:
    names = ", ".join((*rollup.keys, *rollup.measures))
    return f"SELECT org, day, count() AS entries, sum(cityHash64({names})) AS {FINGERPRINT} FROM ({rows}) GROUP BY ALL"


def _named(expressions: Mapping[str, str]) -> str:
    return ", ".join(f"{expression} AS `{name}`" for name, expression in expressions.items())
