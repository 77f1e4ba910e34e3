"""Generated requests against the OpenAPI document: never a 500, and every answer is one that is documented."""

from __future__ import annotations

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
def described(engine_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    chosen = Settings.load(data=tmp_path_factory.mktemp("schemathesis"))
    with Warehouse.open(engine_dsn, database="schemathesis") as warehouse:
        warehouse.migrate()
        with running(chosen, warehouse, generation=1, clock=ManualClock()) as services:
            yield schemathesis.openapi.from_asgi("/openapi.json", create_app(services, in_process=True))
        warehouse.command("DROP DATABASE schemathesis SYNC")


def test_every_answer_is_documented(described: Any) -> None:
    """One test for all operations: they are known only once the app is composed."""
    asked = []
    for found in described.get_all_operations():
        operation = found.ok()
        if operation.path == "/metrics":
            continue

        @settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def every_answer(case: schemathesis.Case) -> None:
            case.call_and_validate(checks=CHECKS)

        every_answer()
        asked.append(operation.label)
    assert "POST /v1/events" in asked
    assert "GET /v1/spend" in asked
