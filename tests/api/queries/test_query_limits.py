"""A question that asks too much is told what to narrow; the ledger's own work is not limited."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from outlay_api.app import create_app
from outlay_api.services import Services
from outlay_infra.warehouse import ReadLimits


@pytest.mark.parametrize("path", ["/v1/spend?group_by=team", "/v1/events", "/v1/spend?group_by=user&format=csv"])
async def test_a_question_that_asks_too_much_is_told_what_to_narrow(services: Services, path: str) -> None:
    hurried = services.warehouse.reader(ReadLimits(seconds=1e-5, stream_seconds=1e-5))
    transport = httpx.ASGITransport(create_app(replace(services, reader=hurried)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        answer = await http.get(path)
        assert (await http.get("/v1/check")).json()["ok"]
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:outlay:problem:query-limit")
    assert "What narrows it: from, to or period" in answer.json()["detail"]
    assert "query.seconds" in answer.json()["detail"]
