"""Health, readiness, metrics and version: open to everyone, and honest."""

from __future__ import annotations

from dataclasses import replace

import httpx
from fastapi import FastAPI

from outlay_api.app import create_app
from outlay_api.compose import NotReady
from outlay_api.services import Services


async def test_a_running_server_is_alive_and_ready(http: httpx.AsyncClient) -> None:
    assert (await http.get("/livez")).json() == {"status": "ok"}
    for path in ("/readyz", "/healthz"):
        answer = await http.get(path)
        assert answer.status_code == 200
        assert answer.json() == {"status": "ok", "checks": dict.fromkeys(("store", "migrations", "writer"), "ok")}
    assert (await http.get("/version")).json()["name"] == "outlay"


async def test_a_failed_check_is_named_and_its_cause_stays_in_the_log(services: Services) -> None:
    def broken() -> None:
        raise NotReady("clickhouse at 10.0.0.1 refused the password")

    app = create_app(replace(services, checks={**services.checks, "store": broken}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
        answer = await http.get("/readyz")
        assert (await http.get("/livez")).status_code == 200
    assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
    assert answer.json()["checks"]["writer"] == "ok"
    assert "10.0.0.1" not in answer.text


async def test_they_need_no_key(app: FastAPI) -> None:
    transport = httpx.ASGITransport(app, client=("203.0.113.9", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://outlay.example.com") as http:
        for path in ("/livez", "/readyz", "/healthz", "/metrics", "/version", "/openapi.json", "/docs"):
            assert (await http.get(path)).status_code == 200


async def test_metrics_come_in_the_format_asked_for(http: httpx.AsyncClient) -> None:
    plain = await http.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "outlay_build_info" in plain.text
    openmetrics = await http.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")
    assert openmetrics.text.endswith("# EOF\n")


async def test_the_docs_page_asks_no_other_host(http: httpx.AsyncClient) -> None:
    page = await http.get("/docs")
    assert "https://" not in page.text
    assert "http://" not in page.text
    assert (await http.get("/static-offline-docs/swagger-ui-bundle.js")).status_code == 200
