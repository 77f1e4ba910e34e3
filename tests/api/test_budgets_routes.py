"""Budgets over HTTP, on the real embedded stack: how they stand, how they stood, and what teams spend right now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from outlay_api.app import create_app
from tests.api.conftest import Compose, ManualClock, event

CATALOG = """
organisation: {name: Acme, reporting_zone: Europe/Berlin}
budgets:
  - {id: everything, amount: 100}
  - id: search
    scope: {team: search, model: [gpt-4o, "claude-*"]}
    amount: 0.05
    cadence: day
    zone: Asia/Kolkata
  - {id: campaign, scope: {project: spring}, amount: 10, cadence: once,
     from: 2026-12-01T00:00:00Z, to: 2026-12-15T00:00:00Z}
  - {id: nothing, scope: {team: search}, amount: 0}
"""
YAML = {"content-type": "application/yaml"}


async def apply(http: httpx.AsyncClient, text: str = CATALOG) -> None:
    applied = await http.put("/v1/catalog", content=text, headers=YAML)
    assert applied.status_code == 200, applied.text


async def send(http: httpx.AsyncClient, *events: dict[str, Any]) -> None:
    sent = await http.post("/v1/events", json=list(events))
    assert sent.status_code in {200, 202}, sent.text


def spent(number: int, amount: str, **changed: Any) -> dict[str, Any]:
    """Return an event with a stated amount."""
    return event(number, **{"kind": "invoice", "amount": amount, "quantities": {}, "team": "search", **changed})


async def standings(http: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    answered = await http.get("/v1/budgets")
    assert answered.status_code == 200, answered.text
    return {each["id"]: each for each in answered.json()["data"]}


async def test_a_budget_says_what_is_spent_what_is_left_and_how_that_compares_with_time(
    http: httpx.AsyncClient,
) -> None:
    await apply(http)
    await send(
        http,
        spent(1, "0.02"),
        spent(2, "0.005", model="claude-opus-4", time="2026-11-23T18:29:59Z"),
        spent(3, "1.5", model="gemini-pro"),
        event(4, team="search", model="no-such-model"),
    )
    found = await standings(http)
    assert list(found) == ["campaign", "everything", "nothing", "search"]
    everything, search = found["everything"], found["search"]
    assert (everything["spent"], everything["remaining"], everything["percent"]) == ("1.525", "98.475", "1.52")
    assert (everything["entries"], everything["unpriced"]) == (4, 1)
    assert (everything["from"], everything["to"]) == ("2026-10-31T23:00:00Z", "2026-11-30T23:00:00Z")
    assert everything["elapsed"] == "78.47"
    # the day in Kolkata began at 18:30Z: the second event was a second before
    assert (search["from"], search["to"]) == ("2026-11-23T18:30:00Z", "2026-11-24T18:30:00Z")
    assert (search["spent"], search["percent"], search["elapsed"], search["pace"]) == ("0.02", "40", "72.92", "0.55")
    assert search["scope"] == {"team": ["search"], "model": ["gpt-4o", "claude-*"]}
    assert search["starting"] is False
    assert all(int(offset) > 0 for offset in search["marks"].values())
    assert found["campaign"]["spent"] is None
    assert found["campaign"]["amount"] == "10"
    assert (found["nothing"]["remaining"], found["nothing"]["percent"]) == ("-1.525", None)


async def test_one_budget_shows_its_past_also_from_before_it_was_declared(http: httpx.AsyncClient) -> None:
    await send(
        http,
        spent(1, "3", time="2026-11-24T00:00:00Z"),
        spent(2, "0.25", time="2026-11-20T18:30:00Z"),
        spent(3, "0.5", time="2026-11-21T18:29:59.999Z"),
    )
    await apply(http)
    answered = (await http.get("/v1/budgets/search", params={"periods": 5})).json()
    assert answered["spent"] == "3"
    assert [(each["from"], each["spent"], each["percent"]) for each in answered["periods"]] == [
        ("2026-11-22T18:30:00Z", "0", "0"),
        ("2026-11-21T18:30:00Z", "0", "0"),
        ("2026-11-20T18:30:00Z", "0.75", "1500"),
        ("2026-11-19T18:30:00Z", "0", "0"),
        ("2026-11-18T18:30:00Z", "0", "0"),
    ]


async def test_a_budget_that_ended_shows_its_last_period_as_past(http: httpx.AsyncClient, clock: ManualClock) -> None:
    await apply(http)
    clock.instant = datetime(2026, 12, 20, tzinfo=UTC)
    await send(http, spent(1, "4", project="spring", time="2026-12-14T23:45:00Z"))
    answered = (await http.get("/v1/budgets/campaign")).json()
    assert answered["spent"] is None
    assert [(each["from"], each["to"], each["spent"]) for each in answered["periods"]] == [
        ("2026-12-01T00:00:00Z", "2026-12-15T00:00:00Z", "4")
    ]


async def test_a_period_that_nothing_was_spent_in_yet_is_empty(http: httpx.AsyncClient, clock: ManualClock) -> None:
    await apply(http)
    await send(http, spent(1, "0.02"))
    clock.instant += timedelta(days=3)
    search = (await standings(http))["search"]
    assert (search["spent"], search["from"]) == ("0", "2026-11-26T18:30:00Z")


async def test_edits_count_from_the_next_answer(http: httpx.AsyncClient) -> None:
    await apply(http)
    await send(http, spent(1, "2"), spent(2, "5", team="ads"))
    await apply(http, CATALOG.replace("id: everything, amount: 100", "id: everything, amount: 4, scope: {team: ads}"))
    found = await standings(http)
    assert (found["everything"]["spent"], found["everything"]["amount"]) == ("5", "4")
    await apply(http, "organisation: {name: Acme}")
    assert await standings(http) == {}


async def test_an_unknown_budget_is_a_404(http: httpx.AsyncClient) -> None:
    assert (await http.get("/v1/budgets/none")).json()["type"].endswith(":unknown-budget")


async def test_scopes_that_no_sums_are_kept_by_are_refused_with_what_can_be_named(http: httpx.AsyncClient) -> None:
    text = "budgets:\n  - {id: b, amount: 1, scope: {user: ada}}\n"
    refused = await http.put("/v1/catalog", content=text, headers=YAML)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["detail"].startswith("line 2: a budget's scope cannot name 'user'; known: app,")


async def test_teams_show_what_came_by_minute_and_hour(http: httpx.AsyncClient, clock: ManualClock) -> None:
    await send(http, spent(1, "2", time="2026-11-01T00:00:00Z"))
    clock.instant += timedelta(hours=3)
    await send(http, spent(2, "0.5"), spent(3, "7", team="ads"))
    answered = (await http.get("/v1/teams/windows")).json()
    assert [each["team"] for each in answered["data"]] == ["ads", "search"]
    search = answered["data"][1]
    assert search["minutes"] == [{"start": "2026-11-24T15:00:00Z", "amount": "0.5", "entries": 1, "unpriced": 0}]
    assert [(each["start"], each["amount"]) for each in search["hours"]] == [
        ("2026-11-24T12:00:00Z", "2"),
        ("2026-11-24T15:00:00Z", "0.5"),
    ]
    one = (await http.get("/v1/teams/windows", params={"team": "ads"})).json()
    assert [each["team"] for each in one["data"]] == ["ads"]


@pytest.mark.parametrize("path", ["/v1/budgets", "/v1/teams/windows"])
async def test_rows_can_be_had_as_csv(http: httpx.AsyncClient, path: str) -> None:
    await apply(http)
    await send(http, spent(1, "0.02"))
    lines = (await http.get(path, headers={"accept": "text/csv"})).text.splitlines()
    assert lines[0].startswith(("id,scope,cadence,zone,from,to,amount,spent", "team,length,start,amount"))
    assert any("0.02" in line for line in lines[1:])


async def test_a_restart_changes_no_budget(compose: Compose) -> None:
    def caller(services: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(create_app(services)), base_url="http://localhost:8321")

    with compose(1) as services:
        async with caller(services) as http:
            await apply(http)
            await send(http, spent(1, "0.02"), spent(2, "0.01", time="2026-11-22T10:00:00Z"))
            before = await standings(http), (await http.get("/v1/teams/windows")).json()["data"]
    with compose(2) as services:
        async with caller(services) as http:
            after = await standings(http), (await http.get("/v1/teams/windows")).json()["data"]
    assert after == before
