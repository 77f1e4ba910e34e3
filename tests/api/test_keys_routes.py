"""API keys over HTTP: made, shown once, used, revoked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
from fastapi import FastAPI

from outlay_api.app import create_app
from outlay_api.services import Services
from tests.api.conftest import ManualClock, event


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


async def make(http: httpx.AsyncClient, *scopes: str, secret: str | None = None, **more: Any) -> httpx.Response:
    headers = bearer(secret) if secret else {}
    return await http.post("/v1/keys", json={"name": "test", "scopes": scopes, **more}, headers=headers)


async def test_the_life_of_a_key(http: httpx.AsyncClient, services: Services) -> None:
    made = await make(http, "admin")
    admin = made.json()["secret"]
    assert (made.status_code, made.headers["location"]) == (201, f"/v1/keys/{made.json()['id']}")
    assert made.json()["prefix"] == admin[:15]

    assert (await http.get("/v1/keys")).status_code == 401
    ingest = (await make(http, "ingest", secret=admin)).json()
    sent = await http.post("/v1/events", json=event(), headers=bearer(ingest["secret"]))
    assert sent.json()["accepted"] == 1
    assert (await http.get("/v1/keys", headers=bearer(ingest["secret"]))).status_code == 403

    listed = await http.get("/v1/keys", headers=bearer(admin))
    assert [key["scopes"] for key in listed.json()["data"]] == [["admin"], ["ingest"]]
    assert ingest["secret"] not in listed.text
    assert listed.json()["data"][1]["last_used"] == "2026-11-24T12:00:00Z"
    stored = services.warehouse.query("SELECT body FROM catalog WHERE kind = 'api_key'")["body"].to_pylist()
    assert not any(ingest["secret"][9:] in body or admin[9:] in body for body in stored)

    assert (await http.delete(f"/v1/keys/{ingest['id']}", headers=bearer(admin))).status_code == 204
    assert (await http.post("/v1/events", json=event(2), headers=bearer(ingest["secret"]))).status_code == 401
    assert (await http.delete(f"/v1/keys/{ingest['id']}", headers=bearer(admin))).status_code == 404


async def test_no_key_locks_everybody_out(http: httpx.AsyncClient) -> None:
    refused = await make(http, "ingest")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:outlay:problem:no-admin-key")
    admin = (await make(http, "admin", "read")).json()
    await make(http, "read", secret=admin["secret"])
    refused = await http.delete(f"/v1/keys/{admin['id']}", headers=bearer(admin["secret"]))
    assert refused.status_code == 409


async def test_when_the_last_key_is_gone_this_machine_is_served_again(http: httpx.AsyncClient) -> None:
    admin = (await make(http, "admin")).json()
    assert (await http.delete(f"/v1/keys/{admin['id']}", headers=bearer(admin["secret"]))).status_code == 204
    assert (await http.get("/v1/keys")).json() == {"data": []}


async def test_whoever_opens_the_directory_needs_no_key(http: httpx.AsyncClient, services: Services) -> None:
    await make(http, "admin")
    transport = httpx.ASGITransport(create_app(services, in_process=True))
    async with httpx.AsyncClient(transport=transport, base_url="http://outlay") as inside:
        assert (await inside.get("/v1/keys")).status_code == 200


async def test_keys_expire(http: httpx.AsyncClient, clock: ManualClock) -> None:
    expires = clock.now() + timedelta(days=1)
    past = await make(http, "admin", expires="2026-11-24T12:00:00Z")
    assert (past.status_code, past.json()["type"]) == (422, "urn:outlay:problem:invalid-body")
    admin = (await make(http, "admin", expires=expires.isoformat())).json()
    clock.instant = expires
    assert (await http.get("/v1/keys", headers=bearer(admin["secret"]))).status_code == 401


async def test_requests_that_make_no_sense(http: httpx.AsyncClient, app: FastAPI) -> None:
    for body, pointer in (
        ({"name": ""}, "#/name"),
        ({"name": "x", "scopes": ["root"]}, "#/scopes/0"),
        ({"name": "x", "scopes": []}, "#/scopes"),
        ({"name": "x", "expires": "2027-01-01"}, "#/expires"),
        ({"name": "x", "nmae": 1}, "#/nmae"),
        ([], "#"),
    ):
        answer = await http.post("/v1/keys", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert (await http.post("/v1/keys", content=b"{")).status_code in (400, 415, 422)
    broken = await http.post("/v1/keys", content=b"{", headers={"content-type": "application/json"})
    assert broken.status_code == 400
