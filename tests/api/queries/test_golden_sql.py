"""The SQL of each kind of question, to the letter: a change to it is a change somebody should look at.

After a change meant, write the files anew: `OUTLAY_WRITE_GOLDEN=1 pytest tests/api/queries/test_golden_sql.py`.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from outlay_api.queries.calendar import Interval, Window
from outlay_api.queries.conservation import ConservationQuery, RejectsQuery
from outlay_api.queries.coverage import Coverage
from outlay_api.queries.entries import EntriesQuery
from outlay_api.queries.filters import parse_filters
from outlay_api.queries.positions import Cursor
from outlay_api.queries.spend_request import SpendRequest
from outlay_api.queries.statement import Statement

GOLDEN = Path(__file__).parents[2] / "golden" / "sql"
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 24, 14, tzinfo=UTC)
WEEK = Window(datetime(2026, 11, 17, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC))


def spend(zone: str = "Europe/Berlin", **asked: Any) -> Statement:
    request = SpendRequest(**asked)
    query = request.read("acme", coverage=Coverage(BERLIN), zone=ZoneInfo(zone), now=NOW)
    return query.to_sql()


def statements() -> dict[str, Statement]:
    after = Cursor(WEEK, datetime(2026, 11, 20, 10, tzinfo=UTC), ("call-7", "api"))
    rejected = Cursor(WEEK, datetime(2026, 11, 20, 10, tzinfo=UTC), ("00AB", "2"))
    return {
        "spend_by_team": spend(group_by=["team"]),
        "spend_by_provider_and_model_by_day": spend(
            period="last_30_days",
            interval=Interval.DAY,
            group_by=["provider,model"],
            measures=["amount,calls,output_tokens"],
        ),
        "spend_top_projects_compared": spend(group_by=["project"], filters=["team:search"], top=10, compare=True),
        "spend_one_tag_value_by_day": spend(
            period="last_30_days", interval=Interval.DAY, filters=["tags.feature:chat"], measures=["amount"]
        ),
        "spend_by_tag_with_untagged": spend(group_by=["tags.feature"], top=20, limit=100),
        "spend_by_hour_in_another_zone": spend(
            "Asia/Kolkata", period="last_week", interval=Interval.HOUR, group_by=["team"]
        ),
        "spend_by_week_through_a_turn": spend(
            "America/New_York", start="2026-10-20", end="2026-11-10", interval=Interval.WEEK, compare=True
        ),
        "spend_from_the_ledger": spend(
            start="2026-11-20T10:00:00.250Z",
            end="2026-11-20T11:00:00Z",
            group_by=["user", "tags.tier", "estimated"],
            filters=["-env:dev,test", "tags.feature:unallocated"],
            measures=["amount", "quantities.images", "users", "latency_p95"],
            order="user",
        ),
        "users_by_team": spend(group_by=["team"], measures=["users"]),
        "latency_by_model": spend(group_by=["model"], measures=["latency_p50,latency_p95"], order="model"),
        "entries": EntriesQuery(
            org="acme", window=WEEK, filters=parse_filters(["team:search", "-tags.tier:free"]), limit=50
        ).to_sql(),
        "entries_next_page": EntriesQuery(org="acme", window=WEEK, limit=50, after=after).to_sql(),
        "conservation": ConservationQuery(org="acme", first=date(2026, 11, 1), last=date(2026, 12, 1)).to_sql(),
        "conservation_in_the_ledger": ConservationQuery(
            org="acme", first=date(2026, 11, 1), last=date(2026, 12, 1), sources=("api", "gateway")
        ).ledger_sql(),
        "rejects": RejectsQuery(org="acme", window=WEEK, sources=("api",), outcome="conflict", limit=20).to_sql(),
        "rejects_next_page": RejectsQuery(org="acme", window=WEEK, limit=20, after=rejected).to_sql(),
    }


STATEMENTS = statements()


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_statement_is_as_written(name: str) -> None:
    statement = STATEMENTS[name]
    parameters = "".join(
        f"-- {key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in statement.params.items()
    )
    text = f"{statement.sql}\n{parameters}"
    path = GOLDEN / f"{name}.sql"
    if os.environ.get("OUTLAY_WRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def test_no_statement_is_forgotten() -> None:
    assert {path.stem for path in GOLDEN.glob("*.sql")} == set(STATEMENTS)
