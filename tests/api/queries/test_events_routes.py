"""`GET /v1/events` and `GET /v1/events/{id}`: pages that stand still, and amounts that explain themselves."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from outlay_api.demo.world import traffic
from outlay_api.services import Services
from tests.api.conftest import NOW, ManualClock, event

MINUTES = 12


@pytest.fixture
async def filled(http: httpx.AsyncClient) -> httpx.AsyncClient:
    """A dozen entries, in pairs of one time, beside one that is older than a week."""
    events = [
        event(n, time=f"2026-11-24T10:{n // 2:02d}:00Z", team="search" if n % 3 else "ads") for n in range(MINUTES)
    ]
    await http.post("/v1/events", json=[*events, event(99, time="2026-11-10T00:00:00Z")])
    return http


async def pages(http: httpx.AsyncClient, path: str = "/v1/events", **params: Any) -> list[list[dict[str, Any]]]:
    found, cursor = [], None
    while True:
        answer = await http.get(path, params=params if cursor is None else {**params, "cursor": cursor})
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["data"])
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found


async def test_newest_first_within_a_week_that_is_stated(filled: httpx.AsyncClient) -> None:
    answer = (await filled.get("/v1/events")).json()
    assert (answer["from"], answer["to"]) == ("2026-11-18T00:00:00Z", "2026-11-25T00:00:00Z")
    assert (len(answer["data"]), answer["has_more"], answer["next_cursor"]) == (MINUTES, False, None)
    times = [entry["time"] for entry in answer["data"]]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("limit", [1, 5, MINUTES])
async def test_pages_hold_every_entry_once(filled: httpx.AsyncClient, limit: int) -> None:
    found = await pages(filled, limit=limit)
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)
    assert sorted(entry["id"] for page in found for entry in page) == sorted(f"call-{n}" for n in range(MINUTES))


async def test_pages_stand_still_while_time_goes_on(filled: httpx.AsyncClient, clock: ManualClock) -> None:
    first = (await filled.get("/v1/events", params={"limit": 10})).json()
    clock.instant += timedelta(days=3)
    await filled.post("/v1/events", json=event(100, time="2026-11-26T00:00:00Z"))
    second = (await filled.get("/v1/events", params={"limit": 10, "cursor": first["next_cursor"]})).json()
    assert ([entry["id"] for entry in second["data"]], second["from"]) == (["call-1", "call-0"], first["from"])


@pytest.mark.parametrize("changed", [{"filter": "team:ads"}, {"period": "today"}, {"zone": "Europe/Berlin"}])
async def test_a_cursor_does_not_go_on_with_other_filters(filled: httpx.AsyncClient, changed: dict[str, str]) -> None:
    cursor = (await filled.get("/v1/events", params={"limit": 5})).json()["next_cursor"]
    answer = await filled.get("/v1/events", params={"limit": 5, "cursor": cursor, **changed})
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (400, "cursor")


async def test_filters_and_windows_narrow(filled: httpx.AsyncClient) -> None:
    params = {"filter": ["team:ads", "-source:elsewhere"], "from": "2026-11-24T10:01:00Z", "to": "2026-11-24T10:03:00Z"}
    answer = (await filled.get("/v1/events", params=params)).json()
    assert [entry["id"] for entry in answer["data"]] == ["call-3"]


async def test_an_entry_has_one_place_for_quantities(filled: httpx.AsyncClient) -> None:
    entry = (await filled.get("/v1/events", params={"limit": 1})).json()["data"][0]
    assert entry["quantities"] == {"input_tokens": "386", "output_tokens": "412"}
    assert (entry["amount"], entry["region"], entry["tags"]) == ("0.005085", None, {})
    assert "input_tokens" not in entry
    assert "partition" not in entry


async def test_pages_as_a_file_carry_the_cursor_in_a_header(filled: httpx.AsyncClient) -> None:
    answer = await filled.get("/v1/events", params={"limit": 5, "format": "parquet"})
    table = pq.read_table(pa.BufferReader(answer.content))
    assert (table.num_rows, table["amount"][0].as_py()) == (5, Decimal("0.005085"))
    following = await filled.get("/v1/events", params={"limit": 50, "cursor": answer.headers["outlay-next-cursor"]})
    assert len(following.json()["data"]) == MINUTES - 5


@pytest.mark.parametrize("limit", ["0", "1001"])
async def test_pages_are_bounded(http: httpx.AsyncClient, limit: str) -> None:
    assert (await http.get("/v1/events", params={"limit": limit})).status_code == 400


async def explained(http: httpx.AsyncClient, identity: str, **params: str) -> dict[str, Any]:
    answer = await http.get(f"/v1/events/{quote(identity, safe='')}", params=params)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def test_an_amount_is_explained_by_its_rates(filled: httpx.AsyncClient) -> None:
    found = await explained(filled, "call-1")
    told = found["explanation"]
    assert (told["amount"], told["recomputed"], told["status"]) == ("0.005085", True, "priced")
    assert [(line["unit"], line["quantity"], line["amount"]) for line in told["lines"]] == [
        ("input_tokens", "386", "0.000965"),
        ("output_tokens", "412", "0.00412"),
    ]
    assert told["lines"][0]["rate"] | {"variant": False} == {
        "unit": "input_tokens",
        "usd": "2.5",
        "per": 1_000_000,
        "list_usd": "2.5",
        "tier_over": None,
        "discount": None,
        "contract": None,
        "variant": False,
    }
    assert told["price"]["id"] == found["data"]["price_id"]
    assert told["price"]["source"]["list"] == "genai-prices"
    assert told["rounding"] == {
        "exact": "0.005085",
        "rounded": False,
        "method": "half-even at 12 decimals, once per entry",
    }
    assert "386 input_tokens at 2.5 USD per 1,000,000 = 0.000965 USD." in told["text"]
    assert "Together 0.005085 USD, exactly." in told["text"]
    assert "team is search: the event says so." in told["text"]


async def test_a_contract_and_the_rule_that_attributed_it_are_named(http: httpx.AsyncClient) -> None:
    catalog = {
        "teams": [{"id": "search", "department": "product"}],
        "rules": [{"id": "by-tag", "match": {"tags.squad": "s1"}, "set": {"project": "ranking"}}],
        "prices": [{"id": "deal", "sku": {"provider": "openai", "model": "gpt-4o"}, "discount": "33.3333"}],
    }
    assert (await http.put("/v1/catalog", json=catalog)).status_code == 200
    await http.post("/v1/events", json=event(1, tags={"squad": "s1"}))
    told = (await explained(http, "call-1"))["explanation"]
    assert told["recomputed"] is True
    assert (told["lines"][0]["rate"]["discount"], told["lines"][0]["rate"]["contract"]) == ("33.3333", "deal")
    assert (told["lines"][0]["rate"]["list_usd"], told["lines"][0]["rate"]["usd"]) == ("2.5", "1.6666675")
    assert "The contract price deal applies." in told["text"]
    steps = {step["dimension"]: step for step in told["attribution"]["steps"]}
    assert (steps["project"]["by"], steps["project"]["id"]) == ("rule", "by-tag")
    assert steps["project"]["document"]["set"] == {"project": "ranking"}
    assert (steps["department"]["by"], steps["department"]["kind"], steps["department"]["id"]) == (
        "tree",
        "team",
        "search",
    )
    assert told["catalog_version"] == 1


async def test_an_unknown_amount_says_why(http: httpx.AsyncClient) -> None:
    await http.post("/v1/events", json=event(1, model="nobody-lists-this"))
    told = (await explained(http, "call-1"))["explanation"]
    assert (told["amount"], told["status"], told["recomputed"], told["lines"]) == (None, "unpriced", None, [])
    assert told["reason"]
    assert any(line.startswith("The amount is unknown: ") for line in told["text"])


async def test_a_stated_amount_is_not_computed(http: httpx.AsyncClient) -> None:
    await http.post("/v1/events", json=event(1, kind="invoice", quantities={}, amount="12.5"))
    told = (await explained(http, "call-1"))["explanation"]
    assert (told["amount"], told["recomputed"], told["price"]) == ("12.5", None, None)
    assert "The invoice states its amount, 12.5 USD; nothing was computed." in told["text"]


async def test_an_id_may_hold_any_text(http: httpx.AsyncClient) -> None:
    identity = "urn:a/b?c#d é%2F"
    await http.post("/v1/events", json=event(1, id=identity))
    assert (await explained(http, identity))["data"]["id"] == identity


async def test_an_id_of_several_sources_asks_for_one(http: httpx.AsyncClient) -> None:
    await http.post("/v1/events", json=[event(1), event(1, source="gateway")])
    refused = await http.get("/v1/events/call-1")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:outlay:problem:ambiguous-event")
    assert "gateway" in refused.json()["detail"]
    assert (await explained(http, "call-1", source="gateway"))["data"]["source"] == "gateway"


async def test_an_unknown_id_is_404(http: httpx.AsyncClient) -> None:
    answer = await http.get("/v1/events/nothing")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:outlay:problem:unknown-event")


async def test_every_amount_of_realistic_traffic_can_be_computed_again(
    http: httpx.AsyncClient, services: Services
) -> None:
    events = traffic().between(NOW - timedelta(hours=6), NOW, 300)
    assert (await http.post("/v1/events", json=events)).status_code == 200
    newest = services.warehouse.query(
        "SELECT id, source FROM ledger LIMIT 1 BY model, service_tier, status"
    ).to_pylist()
    told = [(await explained(http, each["id"], source=each["source"]))["explanation"] for each in newest]
    assert {each["status"] for each in told} >= {"priced", "unpriced"}
    for each in told:
        assert each["recomputed"] is not False, each
        assert (each["amount"] is None) == (each["status"] == "unpriced")
        assert each["lines"] or each["status"] == "unpriced" or each["price"] is None
        assert each["text"]
