"""Every table that may answer a spend question gives the plain answer, to the last digit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay_api.queries.calendar import Buckets, Interval, cut
from outlay_api.queries.coverage import Coverage
from outlay_api.queries.fields import Field, parse_field
from outlay_api.queries.filters import Filter
from outlay_api.queries.measures import Measure, parse_measures
from outlay_api.queries.periods import Asked, Window, previous
from outlay_api.queries.spend import Order, SpendQuery
from outlay_api.queries.spend_answer import SpendAnswer
from outlay_api.queries.statement import InvalidQuery
from outlay_api.queries.tables import LEDGER
from outlay_infra.warehouse import Warehouse
from tests.api.queries.ledger import Ledger, as_rows, comparable, plain_answer, random_ledger

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")
LEDGERS = {
    ledger.org: ledger
    for ledger in (
        random_ledger("utc", "UTC", seed=1, count=400),
        random_ledger("berlin", "Europe/Berlin", seed=2, count=400),
        random_ledger("kolkata", "Asia/Kolkata", seed=3, count=400),
    )
}
ROLLED = ("team", "project", "env", "provider", "model", "region", "status")
RAW = ("user", "source", "reason", "estimated")
FAMILIES = (
    (ROLLED, "amount"),
    (("team", "status", "tags.feature"), "amount"),
    ((*ROLLED, *RAW, "tags.tier"), "amount"),
    (("team", "project"), "users"),
    (("provider", "model"), "latency_p95"),
)
"""What a question may be about, by the table it suits, with its first measure."""


@pytest.fixture(scope="module")
def filled(engine_dsn: str) -> Iterator[Warehouse]:
    """A warehouse that holds every ledger, in blocks."""
    with Warehouse.open(engine_dsn, database="planner") as warehouse:
        warehouse.migrate()
        for ledger in LEDGERS.values():
            warehouse.insert("catalog", ledger.catalog())
            for block in ledger.blocks():
                warehouse.insert_block(block)
        warehouse.catch_up()
        yield warehouse
        warehouse.command("DROP DATABASE planner SYNC")


@st.composite
def buckets(draw: st.DrawFn, ledger: Ledger, interval: Interval) -> tuple[Buckets, Buckets | None, ZoneInfo]:
    """A window that starts on a day, a quarter hour or anywhere, cut in some zone, and perhaps the period before."""
    zone = draw(st.sampled_from([ledger.zone, ledger.zone, *map(ZoneInfo, ZONES)]))
    first = draw(st.sampled_from(sorted({row["time"].astimezone(zone).date() for row in ledger.rows})))
    length = draw(st.integers(1, 3 if interval in (Interval.QUARTER_HOUR, Interval.HOUR) else 45))
    start = datetime.combine(first, datetime.min.time(), zone).astimezone(UTC)
    end = datetime.combine(first + timedelta(days=length), datetime.min.time(), zone).astimezone(UTC)
    shift = draw(st.sampled_from([timedelta(), timedelta(), timedelta(minutes=45), timedelta(milliseconds=1)]))
    asked = Asked(Window(start + shift, end + shift))
    before = cut(previous(asked, zone), interval, zone) if draw(st.booleans()) else None
    return cut(asked.window, interval, zone), before, zone


@st.composite
def filters(draw: st.DrawFn, fields: tuple[Field, ...]) -> tuple[Filter, ...]:
    values = {
        "team": ("search", "ads", "unallocated"),
        "project": ("ranking", "unallocated"),
        "env": ("dev",),
        "status": ("unpriced", "priced"),
        "user": ("ann", "cé", "unallocated"),
        "region": ("", "eu"),
        "estimated": ("true",),
    }
    chosen = []
    for field in fields:
        known = values.get(field.name, ("chat", "unallocated", "", "none") if field.tag else ("openai", "api"))
        some = draw(st.lists(st.sampled_from(known), min_size=1, max_size=2, unique=True))
        chosen.append(Filter(field, tuple(some), draw(st.booleans())))
    return tuple(chosen)


@dataclass(frozen=True)
class Question:
    """A spend question, the ledger it is about, and the zone of its buckets."""

    query: SpendQuery
    ledger: Ledger
    zone: ZoneInfo

    def __repr__(self) -> str:
        statement = self.query.to_sql()
        bounds = self.query.buckets.bounds
        return f"<{self.query.interval} in {self.zone}, {bounds[0]} to {bounds[-1]}: {statement.sql}>"


@st.composite
def questions(draw: st.DrawFn) -> Question:
    ledger = draw(st.sampled_from(list(LEDGERS.values())))
    interval = draw(st.sampled_from(list(Interval)))
    cuts, before, zone = draw(buckets(ledger, interval))
    names, first = draw(st.sampled_from(FAMILIES))
    group_by = tuple(
        parse_field(name, parameter="") for name in draw(st.lists(st.sampled_from(names), max_size=3, unique=True))
    )
    filtered = tuple(
        parse_field(name, parameter="") for name in draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
    )
    more = {
        "amount": ["calls", "entries", "input_tokens", "users", "latency_p50", "quantities.images"],
        "users": ["users"],
    }
    extra = draw(st.lists(st.sampled_from(more.get(first, ["latency_p50", "ttft_p50"])), max_size=2, unique=True))
    measures = parse_measures([first, *extra])
    top = draw(st.integers(1, 3)) if group_by and first == "amount" and draw(st.booleans()) else None
    query = SpendQuery(
        org=ledger.org,
        buckets=cuts,
        interval=interval,
        coverage=Coverage(ledger.zone),
        group_by=group_by,
        filters=draw(filters(filtered)),
        measures=measures,
        order=Order(first, descending=draw(st.booleans())),
        top=top,
        compare=before,
    )
    return Question(query, ledger, zone)


def _answer(warehouse: Warehouse, query: SpendQuery, table: Any, zone: ZoneInfo) -> list[dict[str, Any]]:
    statement = query.to_sql(table)
    raw = warehouse.query(statement.sql, statement.params)
    return as_rows(SpendAnswer(query, table, zone).rows(raw))


@settings(max_examples=150, deadline=None)
@given(questions())
def test_every_table_that_could_answer_gives_the_plain_answer(filled: Warehouse, question: Question) -> None:
    query, ledger, zone = question.query, question.ledger, question.zone
    expected = comparable(plain_answer(query, ledger))
    for table in query.tables():
        assert comparable(_answer(filled, query, table, zone)) == expected, table.name


@settings(max_examples=40, deadline=None)
@given(questions())
def test_rows_add_up_to_the_total(filled: Warehouse, question: Question) -> None:
    query, zone = question.query, question.zone
    table = query.tables()[0]
    statement = query.to_sql(table)
    if query.adds_up:
        shape = SpendAnswer(query, table, zone)
        total = query.total()
        raw = shape.total(filled.query(statement.sql, statement.params))
        added = as_rows(SpendAnswer(total, table, zone).rows(raw))
        assert comparable(added) == comparable(_answer(filled, total, total.tables()[0], zone))


@pytest.mark.parametrize("measure", ["amount", "users"])
def test_an_earlier_reporting_zone_leaves_days_out(measure: str) -> None:
    ledger = LEDGERS["utc"]
    window = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
    query = SpendQuery(
        org="utc",
        buckets=cut(window, Interval.DAY, ledger.zone),
        interval=Interval.DAY,
        coverage=Coverage(ledger.zone, days_kept=False),
        measures=(Measure(measure),),
        order=Order(measure, descending=True),
    )
    assert not {table.name for table in query.tables()} & {"days", "tag_days", "day_users", "day_latency"}
    assert query.tables()[-1] is LEDGER


def test_what_retention_removed_is_answered_from_rollups_or_not_at_all() -> None:
    window = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
    asked = {"org": "utc", "buckets": cut(window, Interval.NONE, ZoneInfo("UTC")), "interval": Interval.NONE}
    kept = Coverage(ZoneInfo("UTC"), ledger_from=datetime(2026, 3, 2, tzinfo=UTC))
    query = SpendQuery(**asked, coverage=kept, group_by=(Field("team"),))
    assert [table.name for table in query.tables()] == ["days", "cells"]
    with pytest.raises(InvalidQuery, match="single entries are kept since 2026-03-02"):
        SpendQuery(**asked, coverage=kept, group_by=(Field("user"),)).tables()
