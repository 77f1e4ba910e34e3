"""`GET /v1/spend` over the whole stack: what was sent is what is answered, to the last digit."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from outlay_schemas.money import plain
from tests.api.conftest import ManualClock, event

# gpt-4o lists 2.5 USD per million input tokens and 10 USD per million output tokens.
ONE = Decimal("0.005085")


def sent() -> list[dict[str, Any]]:
    return [
        event(1),
        event(2, time="2026-11-23T23:30:00+01:00", tags={"feature": "chat"}),
        event(3, time="2026-11-23T18:29:59.999Z", team="ads", tags={"feature": "search"}),
        event(4, time="2026-11-23T18:30:00Z", team=None, user="ann", latency_ms=700),
        event(5, model="a-model-nobody-lists", team="ads"),
        event(6, time="2026-10-20T12:00:00Z"),
        event(7, kind="invoice", quantities={}, amount="12.000000000001", time="2026-11-02T00:00:00Z", team="ads"),
        event(8, provider="openai", quantities={"images": 3}, model="unlisted-image-model"),
    ]


@pytest.fixture
async def spent(http: httpx.AsyncClient) -> httpx.AsyncClient:
    answer = await http.post("/v1/events", json=sent())
    assert answer.json()["accepted"] == len(sent())
    return http


async def ask(http: httpx.AsyncClient, **params: Any) -> dict[str, Any]:
    answer = await http.get("/v1/spend", params=params)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def test_month_to_date_by_team_is_exact_and_shows_what_is_unknown(spent: httpx.AsyncClient) -> None:
    found = await ask(spent, group_by="team")
    assert (found["from"], found["to"]) == ("2026-11-01T00:00:00Z", "2026-11-25T00:00:00Z")
    assert found["data"] == [
        {"team": "ads", "amount": str(ONE + Decimal("12.000000000001")), "calls": 2, "unpriced": 1},
        {"team": "search", "amount": plain(2 * ONE), "calls": 3, "unpriced": 1},
        {"team": "unallocated", "amount": str(ONE), "calls": 1, "unpriced": 0},
    ]
    assert found["totals"] == {"amount": str(4 * ONE + Decimal("12.000000000001")), "calls": 6, "unpriced": 2}
    assert (found["source"], found["currency"], found["has_more"]) == ("days", "USD", False)


async def test_an_amount_nobody_knows_is_null(spent: httpx.AsyncClient) -> None:
    found = await ask(spent, group_by="reported_model", filter="status:unpriced")
    assert {row["amount"] for row in found["data"]} == {None}
    assert found["totals"] == {"amount": None, "calls": 2, "unpriced": 2}


async def test_no_entries_is_a_known_zero(spent: httpx.AsyncClient) -> None:
    found = await ask(spent, period="last_year")
    assert found["totals"] == {"amount": "0", "calls": 0, "unpriced": 0}


async def test_days_of_a_half_hour_zone(spent: httpx.AsyncClient) -> None:
    found = await ask(
        spent, **{"from": "2026-11-23", "to": "2026-11-25"}, zone="Asia/Kolkata", interval="day", measures="calls"
    )
    assert [(row["start"], row["end"], row["calls"]) for row in found["data"]] == [
        ("2026-11-23T00:00:00+05:30", "2026-11-24T00:00:00+05:30", 1),
        ("2026-11-24T00:00:00+05:30", "2026-11-25T00:00:00+05:30", 5),
    ]
    assert found["source"] == "cells"


async def test_tags_show_what_does_not_carry_them(spent: httpx.AsyncClient) -> None:
    found = await ask(spent, group_by="tags.feature", measures="calls", order="tags.feature")
    assert [(row["tags.feature"], row["calls"]) for row in found["data"]] == [
        ("chat", 1),
        ("search", 1),
        ("unallocated", 4),
    ]
    assert found["source"] == "tag_days"
    chat = await ask(spent, filter="tags.feature:chat")
    assert chat["totals"]["amount"] == str(ONE)


async def test_top_and_other_sum_to_the_total(spent: httpx.AsyncClient) -> None:
    found = await ask(spent, group_by="team", top=1, measures="amount")
    first, other = found["data"]
    assert (first["team"], first["other"], other["team"], other["other"]) == ("ads", False, None, True)
    assert Decimal(first["amount"]) + Decimal(other["amount"]) == Decimal(found["totals"]["amount"])


async def test_comparison_with_the_period_before(spent: httpx.AsyncClient) -> None:
    found = await ask(spent, group_by="team", compare="previous", measures="amount", filter="kind:usage", order="team")
    assert found["previous"] == {"from": "2026-10-01T00:00:00Z", "to": "2026-10-25T00:00:00Z"}
    rows = {row["team"]: row for row in found["data"]}
    assert rows["search"]["amount_previous"] == str(ONE)
    assert (rows["search"]["amount_delta"], rows["search"]["amount_percent"]) == (str(ONE), "100")
    assert (rows["ads"]["amount_previous"], rows["ads"]["amount_percent"]) == ("0", None)


async def test_open_units_users_and_latency(spent: httpx.AsyncClient) -> None:
    found = await ask(spent, measures="quantities.images,users,latency_p95,input_tokens")
    assert found["totals"] == {"quantities.images": "3", "users": 1, "latency_p95": 688, "input_tokens": 1930}
    assert found["source"] == "ledger"
    assert (await ask(spent, measures="users", group_by="team"))["data"] == [{"team": "unallocated", "users": 1}]
    latency = await ask(spent, measures="latency_p50", group_by="model")
    assert (latency["source"], latency["data"]) == ("day_latency", [{"model": "gpt-4o", "latency_p50": 688}])


async def test_rows_beyond_the_limit_are_told_and_counted_in_the_total(spent: httpx.AsyncClient) -> None:
    found = await ask(spent, group_by="team", limit=1)
    assert (len(found["data"]), found["has_more"], found["totals"]["calls"]) == (1, True, 6)


async def test_every_format_says_the_same(spent: httpx.AsyncClient) -> None:
    rows_in_json = (await ask(spent, group_by="team", interval="week"))["data"]
    params = {"group_by": "team", "interval": "week"}
    text = await spent.get("/v1/spend", params=params, headers={"accept": "text/csv"})
    rows = list(csv.DictReader(io.StringIO(text.text, newline="")))
    assert [(row["start"], row["team"], row["amount"], int(row["calls"])) for row in rows] == [
        (row["start"], row["team"], row["amount"] or "", row["calls"]) for row in rows_in_json
    ]
    assert (text.headers["outlay-source"], text.headers["content-disposition"]) == (
        "days",
        "attachment; filename*=UTF-8''spend.csv",
    )
    lines = await spent.get("/v1/spend", params=params | {"format": "ndjson"})
    assert [json.loads(line) for line in lines.text.splitlines()] == rows_in_json
    parquet = pq.read_table(
        pa.BufferReader((await spent.get("/v1/spend", params=params | {"format": "parquet"})).content)
    )
    arrow = pa.ipc.open_stream((await spent.get("/v1/spend", params=params | {"format": "arrow"})).content).read_all()
    assert parquet.to_pylist() == arrow.to_pylist()
    assert parquet.schema.field("amount").type == pa.decimal128(38, 12)
    assert [row["amount"] for row in arrow.to_pylist()] == [
        row["amount"] and Decimal(row["amount"]) for row in rows_in_json
    ]


@pytest.mark.parametrize(
    ("params", "parameter", "detail"),
    [
        ({"group_by": "tem"}, "group_by", "'tem' is not a dimension"),
        ({"group_by": ",".join(f"tags.{n}" for n in range(9))}, "group_by", "at most 8"),
        ({"filter": "team"}, "filter", "has no ':'"),
        ({"zone": "Berlin"}, "zone", "not an IANA time zone"),
        ({"period": "never"}, "period", "is not a period"),
        ({"from": "x"}, "from", "neither a date"),
        ({"order": "team"}, "order", "neither grouped by nor measured"),
        ({"top": "3"}, "top", "nothing to rank"),
        ({"top": "3", "group_by": "team", "measures": "users"}, "order", "does not"),
        ({"measures": "tokens"}, "measures", "is not a measure"),
        ({"interval": "quarter_hour", "period": "last_year"}, "interval", "widen it"),
        ({"interval": "fortnight"}, "interval", "Input should be"),
        ({"limit": "0"}, "limit", "greater than or equal"),
        ({"grup_by": "team"}, "grup_by", "did you mean 'group_by'"),
        ({"format": "xlsx"}, "format", "Input should be"),
    ],
)
async def test_a_wrong_question_is_told_what_to_change(
    http: httpx.AsyncClient, params: dict[str, str], parameter: str, detail: str
) -> None:
    answer = await http.get("/v1/spend", params=params)
    assert answer.status_code == 400, answer.text
    fault = answer.json()["errors"][0]
    assert (fault["parameter"], detail in fault["detail"]) == (parameter, True), fault


async def test_an_unoffered_format_is_406(http: httpx.AsyncClient) -> None:
    answer = await http.get("/v1/spend", headers={"accept": "application/xml"})
    assert (answer.status_code, "text/csv" in answer.json()["detail"]) == (406, True)


async def test_days_are_those_of_the_reporting_zone(http: httpx.AsyncClient, clock: ManualClock) -> None:
    await http.put("/v1/catalog", json={"organisation": {"reporting_zone": "America/New_York"}})
    await http.post("/v1/events", json=[event(1, time="2026-11-24T04:59:00Z"), event(2, time="2026-11-24T05:00:00Z")])
    found = await ask(http, interval="day", measures="calls")
    assert [(row["start"], row["calls"]) for row in found["data"]] == [
        ("2026-11-23T00:00:00-05:00", 1),
        ("2026-11-24T00:00:00-05:00", 1),
    ]
    assert found["source"] == "days"


async def test_a_reporting_zone_that_changed_is_answered_from_days_rebuilt_for_it(http: httpx.AsyncClient) -> None:
    await http.post("/v1/events", json=event(1, time="2026-11-24T04:59:00Z"))
    await http.put("/v1/catalog", json={"organisation": {"reporting_zone": "America/New_York"}})
    found = await ask(http, interval="day", measures="calls")
    assert [(row["start"], row["calls"]) for row in found["data"]] == [("2026-11-23T00:00:00-05:00", 1)]
    assert found["source"] == "days"
