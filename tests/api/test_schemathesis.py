"""Generated requests against the OpenAPI document: never a 500, and every answer is one that is documented."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from starlette.testclient import TestClient

from outlay_api.app import create_app
from outlay_api.compose import running
from outlay_infra.settings import Settings
from outlay_infra.warehouse import Warehouse
from tests.api.conftest import ManualClock

CHECKS = (
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)


@pytest.fixture(scope="module")
def described(engine_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, dict[str, str]]]:
    """The API as it describes itself, and the headers of a caller who may do everything."""
    chosen = Settings.load(data=tmp_path_factory.mktemp("schemathesis"))
    with Warehouse.open(engine_dsn, database="schemathesis") as warehouse:
        warehouse.migrate()
        with running(chosen, warehouse, generation=1, clock=ManualClock()) as services:
            app = create_app(services)
            request = {"name": "everything", "scopes": ["admin"]}
            made = TestClient(app, base_url="http://localhost", client=("127.0.0.1", 1)).post("/v1/keys", json=request)
            headers = {"authorization": f"Bearer {made.json()['secret']}"}
            yield schemathesis.openapi.from_asgi("/openapi.json", app), headers
        warehouse.command("DROP DATABASE schemathesis SYNC")


def test_every_answer_is_documented(described: tuple[Any, dict[str, str]]) -> None:
    """One test for all operations: they are known only once the app is composed."""
    schema, headers = described
    answers: dict[str, set[int]] = defaultdict(set)
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path == "/metrics":
            continue

        @settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def every_answer(case: schemathesis.Case) -> None:
            answer = case.call_and_validate(checks=CHECKS, headers=headers)
            answers[case.operation.label].add(answer.status_code)

        every_answer()
    assert all(401 not in statuses for statuses in answers.values())
    answered = {label for label, statuses in answers.items() if statuses & {200, 201}}
    assert {"POST /v1/events", "GET /v1/spend", "GET /v1/events", "POST /v1/keys"} <= answered
