"""The query API's questions on a store that holds events: each asked many times with other values, as people ask.

`run` measures the whole way from the question to the finished rows: planning, SQL, the store, shaping the answer.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from outlay_api.http.encoders import plain_rows
from outlay_api.queries.calendar import Interval, Window
from outlay_api.queries.coverage import coverage_of
from outlay_api.queries.entries import EntriesQuery
from outlay_api.queries.spend_answer import SpendAnswer
from outlay_api.queries.spend_request import SpendRequest
from outlay_infra.warehouse import Warehouse
from tests.bench.report import Figure, percentile

ROUNDS = 20
UTC_ZONE = ZoneInfo("UTC")

Ask = Callable[[], str]
"""Asks once and returns what served it."""


def run(warehouse: Warehouse, org: str, *, rounds: int = ROUNDS) -> Sequence[Figure]:
    """Measure every question; medians and 95th percentiles in milliseconds, the first of each left out as warm-up."""
    figures = []
    for name, (asks, median, tail) in _questions(warehouse, org).items():
        taken, served = [], ""
        for ask in itertools.islice(asks, rounds + 1):
            started = time.perf_counter()
            served = ask()
            taken.append((time.perf_counter() - started) * 1000)
        warm = taken[1:]
        figures.append(Figure(name=f"{name}, p50", value=percentile(warm, 0.5), unit="ms", goal=median, note=served))
        figures.append(Figure(name=f"{name}, p95", value=percentile(warm, 0.95), unit="ms", goal=tail))
    return figures


def _questions(warehouse: Warehouse, org: str) -> dict[str, tuple[Iterator[Ask], float | None, float | None]]:
    """Return each question with its goals; the present is the day of the newest entry."""
    now = warehouse.query("SELECT max(time) AS now FROM ledger WHERE org = {org:String}", {"org": org})["now"][
        0
    ].as_py()
    days = [now - timedelta(days=n) for n in range(40)]
    teams = _common(warehouse, org, "team")
    features = _common(warehouse, org, "tags['feature']")
    ids = warehouse.query(
        "SELECT id, source FROM ledger WHERE org = {org:String} AND time >= {since:DateTime64(3, 'UTC')}"
        " LIMIT 5 BY team LIMIT 100",
        {"org": org, "since": now - timedelta(days=60)},
    ).to_pylist()

    def spend(at: datetime, **asked: Any) -> Ask:
        return lambda: _spend(warehouse, org, at, SpendRequest(**asked))

    every_day = itertools.cycle(days)
    kolkata = {"interval": Interval.DAY, "group_by": ["team"]}
    return {
        "month to date by team": ((spend(day, group_by=["team"]) for day in every_day), 40, 100),
        "30 days by provider and model and day": (
            (
                spend(day, period="last_30_days", interval=Interval.DAY, group_by=["provider,model"])
                for day in every_day
            ),
            40,
            100,
        ),
        "top 10 projects of a team, month to date": (
            (spend(now, filters=[f"team:{team}"], group_by=["project"], top=10) for team in itertools.cycle(teams)),
            40,
            100,
        ),
        "one tag value by day, 30 days": (
            (
                spend(now, period="last_30_days", interval=Interval.DAY, filters=[f"tags.feature:{value}"])
                for value in itertools.cycle(features)
            ),
            40,
            100,
        ),
        "an entry by id": ((_look_up(warehouse, org, row) for row in itertools.cycle(ids)), 60, None),
        "newest 100 entries of a week": ((_newest(warehouse, org, day) for day in every_day), None, None),
        "top 20 values of a tag, 30 days": (
            (spend(day, period="last_30_days", group_by=["tags.feature"], top=20) for day in every_day),
            None,
            None,
        ),
        "month to date by team against the month before": (
            (spend(day, group_by=["team"], compare=True) for day in every_day),
            None,
            None,
        ),
        "30 days in Asia/Kolkata by team": (
            (
                lambda day=day: _spend(
                    warehouse, org, day, SpendRequest(period="last_30_days", **kolkata), ZoneInfo("Asia/Kolkata")
                )
                for day in every_day
            ),
            None,
            None,
        ),
        "users of a month by team": (
            (spend(day, group_by=["team"], measures=["users"]) for day in every_day),
            None,
            None,
        ),
        "latency of a month by model": (
            (spend(day, group_by=["model"], measures=["latency_p95"]) for day in every_day),
            None,
            None,
        ),
    }


def _spend(warehouse: Warehouse, org: str, now: datetime, asked: SpendRequest, zone: ZoneInfo = UTC_ZONE) -> str:
    query = asked.read(org, coverage=coverage_of(warehouse, org), zone=zone, now=now)
    table = query.tables()[0]
    statement = query.to_sql(table)
    raw = warehouse.query(statement.sql, statement.params)
    plain_rows(SpendAnswer(query, table, zone).rows(raw))
    return f"{table.name}, {raw.num_rows} rows"


def _newest(warehouse: Warehouse, org: str, now: datetime) -> Ask:
    def ask() -> str:
        statement = EntriesQuery(org=org, window=Window(now - timedelta(days=7), now), limit=100).to_sql()
        found = warehouse.query(statement.sql, statement.params)
        plain_rows(found)
        return f"ledger, {found.num_rows} rows"

    return ask


def _look_up(warehouse: Warehouse, org: str, row: dict[str, Any]) -> Ask:
    def ask() -> str:
        found = warehouse.find_entries(org, row["id"], row["source"])
        plain_rows(found)
        return f"event_ids and ledger, {found.num_rows} row"

    return ask


def _common(warehouse: Warehouse, org: str, column: str) -> list[str]:
    """Return the 40 values that most entries have."""
    sql = (
        f"SELECT {column} AS value FROM ledger WHERE org = {{org:String}} GROUP BY value ORDER BY count() DESC LIMIT 40"
    )
    values: list[str] = warehouse.query(sql, {"org": org})["value"].to_pylist()
    return values
