"""`GET /v1/conservation` and `GET /v1/rejects`: nothing received is unaccounted for."""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx
import pytest

from tests.api.conftest import event
from tests.api.queries.test_events_routes import pages


@pytest.fixture
async def received(http: httpx.AsyncClient) -> httpx.AsyncClient:
    await http.post("/v1/events", json=[event(1), event(2), event(3, source="gateway")])
    await http.post("/v1/events", json=[event(1), event(2, quantities={"input_tokens": 1})])
    wrong = [event(4, quantities={"input_tokens": -1}), event(5, quantities={"input_tokens": -1}), "nonsense"]
    await http.post("/v1/events", json=wrong)
    return http


async def account(http: httpx.AsyncClient, **params: Any) -> dict[str, Any]:
    answer = await http.get("/v1/conservation", params=params)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def test_everything_received_is_accounted_for(received: httpx.AsyncClient) -> None:
    found = await account(received)
    assert found["balanced"] is True
    assert found["totals"] == {
        "received": 8,
        "counted": 3,
        "duplicate": 1,
        "conflict": 1,
        "rejected": 3,
        "pending": 0,
        "balance": 0,
    }
    assert {row["day"] for row in found["data"]} == {"2026-11-24"}


async def test_the_ledger_itself_can_be_counted(received: httpx.AsyncClient) -> None:
    found = await account(received, verify=True)
    assert found["balanced"] is True
    assert found["totals"]["entries"] == 3


async def test_receipts_the_ledger_does_not_bear_out_are_not_balanced(
    received: httpx.AsyncClient, services: Any
) -> None:
    services.warehouse.command("ALTER TABLE ledger DELETE WHERE source = 'gateway' SETTINGS mutations_sync = 1")
    found = await account(received, verify=True, source="gateway")
    assert (found["balanced"], found["data"][0]["counted"], found["data"][0]["entries"]) == (False, 1, 0)


async def test_many_sources_are_summed_or_cut_off_and_all_are_judged(received: httpx.AsyncClient) -> None:
    by_source = await account(received, by="source", verify=True)
    assert [(row["source"], row["received"], row["entries"]) for row in by_source["data"]] == [
        ("", 1, 0),
        ("gateway", 1, 1),
        ("urn:example:search-api", 6, 2),
    ]
    assert "day" not in by_source["data"][0]
    by_day = await account(received, by="day")
    assert [(row["day"], row["received"], "source" in row) for row in by_day["data"]] == [("2026-11-24", 8, False)]
    cut = await account(received, limit=1)
    assert (len(cut["data"]), cut["has_more"], by_day["has_more"]) == (1, True, False)
    assert cut["totals"] == by_day["totals"]
    answer = await received.get("/v1/conservation", params={"format": "csv", "by": "source", "limit": 2})
    assert answer.text.splitlines()[0].startswith("source,received,")
    assert len(answer.text.splitlines()) == 3


async def test_the_account_as_csv(received: httpx.AsyncClient) -> None:
    answer = await received.get("/v1/conservation", params={"format": "csv", "source": "gateway"})
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [(row["source"], row["received"], row["balance"], row["entries"]) for row in rows] == [
        ("gateway", "1", "0", "")
    ]


async def test_days_outside_the_window_are_left_out(received: httpx.AsyncClient) -> None:
    assert (await account(received, period="yesterday"))["data"] == []


async def test_refused_events_are_listed_with_their_reason(received: httpx.AsyncClient) -> None:
    listed = [entry for page in await pages(received, "/v1/rejects", limit=2) for entry in page]
    assert len(listed) == 4
    outcomes = sorted((entry["outcome"], entry["id"] or "") for entry in listed)
    assert outcomes == [("conflict", "call-2"), ("rejected", ""), ("rejected", "call-4"), ("rejected", "call-5")]
    negative = next(entry for entry in listed if entry["id"] == "call-4")
    assert negative["pointer"] == "/quantities/input_tokens"
    assert "greater than or equal to 0" in negative["reason"]


async def test_equal_refusals_are_all_listed(http: httpx.AsyncClient) -> None:
    await http.post("/v1/events", json=["nonsense"] * 5)
    found = await pages(http, "/v1/rejects", limit=2)
    assert [len(page) for page in found] == [2, 2, 1]


async def test_refusals_can_be_narrowed(received: httpx.AsyncClient) -> None:
    answer = await received.get("/v1/rejects", params={"outcome": "conflict"})
    assert [entry["id"] for entry in answer.json()["data"]] == ["call-2"]
    answer = await received.get("/v1/rejects", params={"source": "nobody"})
    assert answer.json()["data"] == []
