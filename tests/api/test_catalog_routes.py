"""The catalog over HTTP: applied whole, compared, versioned, and in force from the next event."""

from __future__ import annotations

from typing import Any

import httpx

from outlay_api.documents.catalog import EXAMPLE
from outlay_api.services import Services
from tests.api.conftest import event

YAML = {"content-type": "application/yaml"}
ONE_TEAM = "teams: [{id: search, department: product}]"


async def test_a_catalog_is_applied_and_read_back(http: httpx.AsyncClient) -> None:
    assert (await http.get("/v1/catalog")).json()["version"] == 0
    applied = await http.put("/v1/catalog", content=EXAMPLE, headers=YAML)
    assert (applied.status_code, applied.json()["version"], applied.headers["etag"]) == (200, 1, '"1"')
    assert {change["kind"] for change in applied.json()["changes"]} >= {
        "organisation",
        "team",
        "project",
        "app",
        "price",
    }
    read = await http.get("/v1/catalog")
    assert read.json()["catalog"]["prices"][0]["discount"] == "12.5"
    assert read.headers["etag"] == '"1"'
    again = await http.put("/v1/catalog", json=read.json()["catalog"])
    assert (again.json()["version"], again.json()["changes"]) == (1, [])


async def test_a_dry_run_changes_nothing(http: httpx.AsyncClient) -> None:
    tried = await http.put("/v1/catalog?dry_run=true", content=ONE_TEAM, headers=YAML)
    assert (tried.json()["version"], tried.json()["dry_run"]) == (0, True)
    assert [(each["kind"], each["key"], each["change"]) for each in tried.json()["changes"]] == [
        ("team", "search", "added")
    ]
    assert (await http.get("/v1/catalog")).json()["version"] == 0


async def test_history_tells_who_changed_what(http: httpx.AsyncClient) -> None:
    await http.put("/v1/catalog", content=ONE_TEAM, headers=YAML)
    await http.put("/v1/catalog", content="teams: [{id: search, department: sales}]", headers=YAML)
    newest, first = (await http.get("/v1/catalog/history")).json()["data"]
    assert (newest["version"], newest["actor"], newest["at"]) == (2, "local", "2026-11-24T12:00:00Z")
    assert newest["changes"][0]["fields"] == [{"field": "department", "before": "product", "after": "sales"}]
    assert first["version"] == 1
    assert len((await http.get("/v1/catalog/history?limit=1")).json()["data"]) == 1
    old = await http.get("/v1/catalog?version=1")
    assert old.json()["catalog"]["teams"] == [{"id": "search", "department": "product"}] or old.json()["version"] == 1
    assert (await http.get("/v1/catalog?version=3")).status_code == 404


async def test_a_change_in_between_is_not_overwritten(http: httpx.AsyncClient) -> None:
    await http.put("/v1/catalog", content=ONE_TEAM, headers=YAML)
    stale = await http.put("/v1/catalog", content="teams: []", headers=YAML | {"if-match": '"0"'})
    assert (stale.status_code, stale.json()["type"]) == (412, "urn:outlay:problem:catalog-changed")
    fresh = await http.put("/v1/catalog", content="teams: []", headers=YAML | {"if-match": '"1"'})
    assert fresh.json()["version"] == 2
    wrong = await http.put("/v1/catalog", content="teams: []", headers=YAML | {"if-match": "latest"})
    assert wrong.status_code == 400


async def test_every_fault_is_told_with_its_place(http: httpx.AsyncClient) -> None:
    text = "teams:\n  - {id: search, zone: Mars/Olympus}\nprojects:\n  - {id: answers, team: serach}\nfoo: 1\n"
    answer = await http.put("/v1/catalog", content=text, headers=YAML)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:outlay:problem:invalid-catalog")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["#/teams/0/zone", "#/projects/0/team", "#/foo"]
    assert answer.json()["errors"][1]["detail"].startswith("line 4:")


async def test_bodies_that_are_no_catalog(http: httpx.AsyncClient) -> None:
    for body in (b"\xff", b"[", b"{a: b: c}", b"- 1", b"x", b"&a [*a]", b"\x00", b"? [a]\n: b"):
        answer = await http.put("/v1/catalog", content=body, headers=YAML)
        assert answer.status_code == 422, body
    assert (await http.put("/v1/catalog", content=body, headers={"content-type": "text/csv"})).status_code == 415


async def test_the_next_event_is_metered_by_it(http: httpx.AsyncClient, services: Services) -> None:
    def stored() -> list[dict[str, Any]]:
        sql = (
            "SELECT department, catalog_version, toString(amount) AS amount FROM ledger ORDER BY received, amount DESC"
        )
        return services.warehouse.query(sql).to_pylist()

    await http.post("/v1/events", json=event(1))
    catalog = f"{ONE_TEAM}\nprices: [{{id: half, sku: {{provider: openai}}, discount: 50}}]"
    await http.put("/v1/catalog", content=catalog, headers=YAML)
    await http.post("/v1/events", json=event(2))
    before, after = sorted(stored(), key=lambda row: row["catalog_version"])
    assert (before["department"], before["catalog_version"]) == ("unallocated", 0)
    assert (after["department"], after["catalog_version"]) == ("product", 1)
    assert float(after["amount"]) * 2 == float(before["amount"])
