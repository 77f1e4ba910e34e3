"""The OpenAPI document: pinned, complete, and true about errors.

When a change of the API is meant, write the golden file again with
`OUTLAY_WRITE_GOLDEN=1 .venv/bin/pytest tests/api/test_openapi.py` and review its diff.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from outlay_api.app import create_app
from outlay_api.services import Services
from outlay_infra.metrics import Metrics
from outlay_infra.settings import Settings
from tests.api.conftest import ManualClock

GOLDEN = Path(__file__).parents[1] / "golden" / "openapi.json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The document needs no store, so it is made without one."""
    parts: dict[str, Any] = dict.fromkeys(("warehouse", "reader", "catalog", "publisher", "keys", "rules", "reload"))
    metrics = Metrics(CollectorRegistry(), "0")
    return create_app(Services(settings=Settings.load(), clock=ManualClock(), metrics=metrics, **parts)).openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_it_is_what_was_reviewed(document: dict[str, Any]) -> None:
    text = json.dumps({**document, "info": {**document["info"], "version": "0"}}, indent=1, sort_keys=True) + "\n"
    if os.environ.get("OUTLAY_WRITE_GOLDEN"):
        GOLDEN.write_text(text, "utf-8")
    assert text == GOLDEN.read_text("utf-8"), "the API changed; see the top of this file"


def test_every_operation_has_a_name_a_tag_a_summary_and_problems(document: dict[str, Any]) -> None:
    known_tags = {tag["name"] for tag in document["tags"]}
    names = set()
    for name, operation in operations(document):
        names.add(operation["operationId"])
        assert set(operation["tags"]) <= known_tags, name
        assert operation["summary"], name
        assert operation["description"], name
        assert {"400", "500"} <= operation["responses"].keys(), name
        assert "HTTPValidationError" not in json.dumps(operation), name
        if "security" in operation:
            assert {"401", "403", "503"} <= operation["responses"].keys(), name
        else:
            assert operation["tags"] == ["operations"], name
    assert len(names) == len(list(operations(document)))


def test_every_reference_resolves(document: dict[str, Any]) -> None:
    def references(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            for value in node.values():
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    for reference in set(references(document)):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_parameters_are_described(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            described = parameter.get("description") or parameter["schema"].get("description")
            assert described or parameter["in"] == "path", (name, parameter["name"])
