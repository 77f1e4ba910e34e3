"""Self-checks over HTTP: a sound ledger passes, a damaged sum is found and rebuilt."""

from __future__ import annotations

import httpx

from outlay_api.app import create_app
from outlay_api.services import Services
from tests.api.conftest import Compose, event

TOKYO = "organisation: {name: Acme, reporting_zone: Asia/Tokyo}"
YAML = {"content-type": "application/yaml"}
DAMAGE = "ALTER TABLE days DELETE WHERE team = 'ads' SETTINGS mutations_sync = 2"


async def test_a_damaged_sum_is_found_and_rebuilt(http: httpx.AsyncClient, services: Services) -> None:
    await http.post("/v1/events", json=[event(1), event(2, team="ads"), {"bad": True}, event(1)])
    assert (await http.get("/v1/check")).json() == {"ok": True, "differences": []}
    services.warehouse.command(DAMAGE)
    found = (await http.get("/v1/check?from=2026-11-01&to=2026-12-01")).json()
    assert not found["ok"]
    assert {(each["table"], each["partition"]) for each in found["differences"]} == {("days", "202611")}
    assert all(each["key"]["team"] == "ads" for each in found["differences"])
    assert (await http.get("/v1/check?to=2026-11-01")).json()["ok"]
    mended = (await http.post("/v1/check/repair", json={})).json()
    assert (mended["ok"], len(mended["repaired"]), mended["differences"]) == (True, 1, [])
    assert (await http.post("/v1/check/repair", json={})).json()["repaired"] == []


async def test_one_partition_can_be_named(http: httpx.AsyncClient, services: Services) -> None:
    await http.post("/v1/events", json=event(team="ads"))
    services.warehouse.command(DAMAGE)
    mended = await http.post("/v1/check/repair", json={"table": "days", "partition": "202611"})
    assert (mended.json()["ok"], len(mended.json()["repaired"])) == (None, 1)
    assert (await http.get("/v1/check")).json()["ok"]
    for wrong in ({"table": "ledger", "partition": "202611"}, {"table": "days", "partition": "x"}):
        refused = await http.post("/v1/check/repair", json=wrong)
        assert (refused.status_code, refused.json()["type"]) == (422, "urn:outlay:problem:not-repairable")
    half = await http.post("/v1/check/repair", json={"table": "days"})
    assert half.status_code == 422


async def test_another_reporting_zone_moves_the_days_even_after_a_restart(compose: Compose) -> None:
    def days(services: Services) -> list[str]:
        return [str(day) for day in services.reader.query("SELECT DISTINCT day FROM days")["day"].to_pylist()]

    by_day = {"interval": "day", "period": "month_to_date"}
    with compose() as services:
        async with local(services) as http:
            await http.post("/v1/events", json=event(time="2026-11-23T20:00:00Z", latency_ms=70))
        assert days(services) == ["2026-11-23"]
    with compose(generation=2) as services:
        async with local(services) as http:
            await http.put("/v1/catalog", content=TOKYO, headers=YAML)
            assert days(services) == ["2026-11-24"]
            await http.post("/v1/events", json=event(2, time="2026-11-23T21:00:00Z", latency_ms=70))
            assert (await http.get("/v1/spend", params=by_day)).json()["source"] == "days"
    with compose(generation=3) as services:
        async with local(services) as http:
            assert (await http.get("/v1/check")).json()["ok"]
            assert (await http.get("/v1/spend", params=by_day)).json()["source"] == "days"
            assert days(services) == ["2026-11-24"]


async def test_until_the_days_are_rebuilt_they_answer_nothing(http: httpx.AsyncClient, services: Services) -> None:
    by_day = {"interval": "day", "period": "month_to_date"}
    await http.post("/v1/events", json=event(time="2026-11-23T20:00:00Z"))
    await http.put("/v1/catalog", content=TOKYO, headers=YAML)
    services.warehouse.command("TRUNCATE TABLE day_zones")
    assert (await http.get("/v1/spend", params=by_day)).json()["source"] == "cells"
    await http.put("/v1/catalog", content=TOKYO, headers=YAML)
    assert (await http.get("/v1/spend", params=by_day)).json()["source"] == "days"


def local(services: Services) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(create_app(services)), base_url="http://localhost")
