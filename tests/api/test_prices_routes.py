"""Prices over HTTP: of a sku, of an entry, and where the book has gaps or moved on."""

from __future__ import annotations

import httpx

from outlay_api.services import Services
from tests.api.conftest import event

YAML = {"content-type": "application/yaml"}
HALF = "prices: [{id: half, sku: {provider: openai}, discount: 50}]"


async def price(http: httpx.AsyncClient, **asked: str) -> dict[str, object]:
    answer = await http.get("/v1/prices", params={"provider": "openai", "model": "gpt-4o", **asked})
    assert answer.status_code == 200
    found: dict[str, object] = answer.json()
    return found


async def test_a_sku_has_a_price_under_any_of_its_names(http: httpx.AsyncClient) -> None:
    plain = await price(http)
    assert plain["price_id"]
    assert plain["at"] == "2026-11-24T12:00:00Z"
    assert (await price(http, model="gpt-4o-2024-08-06"))["price_id"] == plain["price_id"]
    batch = await price(http, service_tier="batch")
    assert (batch["service_tier"], batch["price_id"] == plain["price_id"]) == ("batch", False)


async def test_an_unknown_sku_says_why(http: httpx.AsyncClient) -> None:
    found = await price(http, model="no-such-model")
    assert (found["price"], found["price_id"]) == (None, None)
    assert "no-such-model" in str(found["reason"])
    assert (await http.get("/v1/prices?provider=openai")).status_code == 400
    assert (await http.get("/v1/prices?provider=openai&model=x&at=2026-01-01")).status_code == 400


async def test_the_contract_counts(http: httpx.AsyncClient) -> None:
    await http.put("/v1/catalog", content=HALF, headers=YAML)
    found = await price(http)
    assert found["price"]["rates"][0]["discount"] == "50"  # type: ignore[index]


async def test_an_entrys_price_is_kept(http: httpx.AsyncClient, services: Services) -> None:
    await http.post("/v1/events", json=event())
    price_id = services.warehouse.query("SELECT price_id FROM ledger")["price_id"][0].as_py()
    kept = (await http.get(f"/v1/prices/{price_id}")).json()
    assert (kept["price_id"], kept["price"]) == (price_id, (await price(http))["price"])
    assert (await http.get("/v1/prices/p_none")).status_code == 404


async def test_what_is_not_priced_is_listed(http: httpx.AsyncClient) -> None:
    events = [event(1), event(2, model="mystery-1"), event(3, model="mystery-1"), event(4, provider="nobody")]
    await http.post("/v1/events", json=events)
    found = (await http.get("/v1/prices/check")).json()
    assert found["price_list"]["version"]
    assert found["price_list"]["age_days"] >= 0
    assert [(each["model"], each["entries"]) for each in found["unpriced"]] == [("mystery-1", 2), ("gpt-4o", 1)]
    assert found["unpriced"][0]["last"] == "2026-11-24T10:15:30.125Z"
    before = (await http.get("/v1/prices/check?from=2026-10-01&to=2026-11-01")).json()
    assert before["unpriced"] == []
    assert "outlay_price_list_age_seconds" in (await http.get("/metrics")).text


async def test_unknown_names_come_with_likely_meanings(http: httpx.AsyncClient) -> None:
    await http.post("/v1/events", json=event(model="gpt-4o-minni"))
    found = (await http.get("/v1/prices/check")).json()
    assert found["unpriced"][0]["suggestions"][0] == "openai/gpt-4o-mini"
    assert (found["overlaps"], found["idle"]) == ([], [])


async def test_contract_prices_that_clash_or_do_nothing_are_listed(http: httpx.AsyncClient) -> None:
    again = "{id: again, sku: {provider: openai}, discount: 20}"
    typo = "{id: typo, sku: {provider: openai, model: gtp-4o}, rates: {output_tokens: 1}, per: 1000}"
    await http.put("/v1/catalog", content=f"{HALF[:-1]}, {again}, {typo}]", headers=YAML)
    await http.post("/v1/events", json=event())
    found = (await http.get("/v1/prices/check")).json()
    assert found["overlaps"][0] == {"loser": "half", "winner": "again", "units": []}
    assert found["idle"] == ["half", "typo"]


async def test_what_is_priced_otherwise_now_is_told(http: httpx.AsyncClient) -> None:
    await http.post("/v1/events", json=[event(1), event(2, model="mystery-1")])
    assert (await http.get("/v1/prices/diff")).json() == {"compared": 2, "data": []}
    mystery = "{id: own, sku: {provider: openai, model: mystery-1}, rates: {input_tokens: 1}, per: 1000}"
    half = "{id: half, sku: {provider: openai, model: gpt-4o}, discount: 50, discount_units: [input_tokens]}"
    await http.put("/v1/catalog", content=f"prices: [{half}, {mystery}]", headers=YAML)
    changed = {each["model"]: each for each in (await http.get("/v1/prices/diff")).json()["data"]}
    assert set(changed) == {"gpt-4o", "mystery-1"}
    assert [rate["unit"] for rate in changed["gpt-4o"]["rates"]] == ["input_tokens"]
    assert changed["gpt-4o"]["rates"][0]["after"]["discount"] == "50"
    assert (changed["mystery-1"]["amount"], changed["mystery-1"]["used_price_id"]) == (None, None)
    assert changed["mystery-1"]["rates"][0]["before"] is None


async def test_wrong_windows(http: httpx.AsyncClient) -> None:
    for path in ("check", "diff"):
        answer = await http.get(f"/v1/prices/{path}?from=yesterday-ish")
        assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (400, "from")
