"""Query parameters are strict: what a route does not know is an error, with the likely meaning."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Query
from pydantic import BaseModel

from outlay_api.http import problems
from outlay_api.http.parameters import DYNAMIC, refuse_unknown_parameters


class Asked(BaseModel):
    start: str = ""
    group_by: list[str] = []


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI(dependencies=[Depends(refuse_unknown_parameters)])
    problems.install(app)

    @app.get("/spend/{team}", openapi_extra={DYNAMIC: ["tags."]})
    async def spend(team: str, asked: Annotated[Asked, Query()], limit: int = 1) -> dict[str, Any]:
        return {"team": team, "limit": limit, **asked.model_dump()}

    @app.get("/files/{name:path}")
    async def files(name: str, version: int = 1) -> str:
        return f"{name} {version}"

    @app.get("/plain")
    async def plain() -> str:
        return "ok"

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        yield client


async def test_known_and_dynamic_parameters_pass(http: httpx.AsyncClient) -> None:
    answer = await http.get("/spend/search?start=a&group_by=x&group_by=y&limit=3&tags.squad=blue")
    assert answer.json() == {"team": "search", "limit": 3, "start": "a", "group_by": ["x", "y"]}


async def test_a_misspelt_parameter_is_told_with_the_right_one(http: httpx.AsyncClient) -> None:
    answer = await http.get("/spend/search?grop_by=team&zzz=1")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    first, second = answer.json()["errors"]
    assert first == {"parameter": "grop_by", "detail": "unknown parameter 'grop_by'; did you mean 'group_by'?"}
    assert second["parameter"] == "zzz"
    assert "limit" in second["detail"]


async def test_a_route_without_parameters_says_so(http: httpx.AsyncClient) -> None:
    assert "takes none" in (await http.get("/plain?a=1")).json()["detail"]


async def test_a_path_of_several_parts_is_no_excuse(http: httpx.AsyncClient) -> None:
    assert (await http.get("/files/a/b?version=2")).json() == "a/b 2"
    answer = await http.get("/files/a/b?verzion=2")
    assert (answer.status_code, "did you mean 'version'?" in answer.json()["detail"]) == (400, True)


async def test_a_wrong_value_names_its_parameter(http: httpx.AsyncClient) -> None:
    answer = await http.get("/spend/search?limit=many")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["parameter"] == "limit"
