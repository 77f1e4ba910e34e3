"""Hostile requests: whatever is sent, the answer is a sentence and never a 500."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from backports import zstd
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from outlay_api.app import create_app
from outlay_api.compose import running
from outlay_infra.settings import Settings
from outlay_infra.warehouse import Warehouse
from tests.api.conftest import ManualClock, event

FIELDS = [*event(), "tags", "kind", "amount", "latency_ms", "unknown\x00"]

NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([10**400, -(10**30), 1e308, 0.1 + 0.2, 2**63, 2**64, -1, float("nan"), float("inf")]),
)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        NUMBERS,
        st.text(max_size=300),
        st.sampled_from(["\ud800", "\x00", "é" * 300]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)),
    max_leaves=8,
)
EVENTS = st.one_of(
    st.builds(lambda field, value: {**event(), field: value}, st.sampled_from(FIELDS), VALUES),
    st.builds(lambda field: {name: value for name, value in event().items() if name != field}, st.sampled_from(FIELDS)),
    VALUES,
)
MEDIA = [
    "application/json",
    "application/x-ndjson",
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "application/json; charset=utf-16",
    "text/plain",
    "a/b/c; ;;==",
    "",
]
ENCODINGS = [None, "gzip", "zstd", "identity", "gzip, zstd", "br", "gzip;q=1", ","]

many = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def client(engine_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    chosen = Settings.load(data=tmp_path_factory.mktemp("hostile"))
    with Warehouse.open(engine_dsn, database="hostile") as warehouse:
        warehouse.migrate()
        with running(chosen, warehouse, generation=1, clock=ManualClock()) as services:
            yield TestClient(create_app(services, in_process=True), raise_server_exceptions=False)
        warehouse.command("DROP DATABASE hostile SYNC")


def answered(client: TestClient, body: bytes, **headers: str | None) -> None:
    sent = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
    answer = client.post("/v1/events", content=body, headers=sent)
    assert answer.status_code < 500, answer.text
    if answer.status_code == 200:
        found = answer.json()
        refused = sum(found[outcome] for outcome in ("duplicate", "conflict", "rejected"))
        assert len(found["events"]) == refused
    else:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"]
        assert "Traceback" not in answer.text


@many
@given(st.lists(EVENTS, max_size=6), st.sampled_from(MEDIA))
def test_events_of_any_shape(client: TestClient, events: list[Any], media: str) -> None:
    answered(client, json.dumps(events).encode(), content_type=media)


@many
@given(EVENTS, st.sampled_from(MEDIA))
def test_an_event_of_any_shape(client: TestClient, sent: Any, media: str) -> None:
    answered(client, json.dumps(sent).encode(), content_type=media)


@many
@given(st.binary(max_size=200), st.sampled_from(MEDIA), st.sampled_from(ENCODINGS))
@example(b"[" * 100_000, "application/json", None)
@example(b'{"a":' * 100_000, "application/json", None)
@example(b"1" * 100_000, "application/json", None)
@example(b'{"id":"' + b"\\ud800" * 2000 + b'"}', "application/json", None)
@example(gzip.compress(b"[]") + b"x", "application/json", "gzip")
@example(gzip.compress(b"0" * 50_000_000), "application/json", "gzip")
@example(zstd.compress(b"0" * 50_000_000), "application/json", "zstd")
@example(b"\xef\xbb\xbf[]", "application/json", None)
def test_bytes_of_any_kind(client: TestClient, body: bytes, media: str, encoding: str | None) -> None:
    answered(client, body, content_type=media, content_encoding=encoding)


@many
@given(
    st.dictionaries(
        st.sampled_from(["id", "source", "type", "time", "specversion", "subject"]), st.text("aé\x7f% :TZ0-9.")
    )
)
def test_binary_cloudevents_of_any_kind(client: TestClient, attributes: dict[str, str]) -> None:
    headers = {f"ce-{name}": value.encode("utf-8") for name, value in attributes.items()}
    answer = client.post("/v1/events", content=json.dumps(event()), headers={"ce-specversion": "1.0", **headers})
    assert answer.status_code < 500


@many
@given(
    st.sampled_from(["/v1/spend", "/v1/events", "/v1/conservation", "/v1/catalog", "/v1/catalog/history"]),
    st.dictionaries(
        st.sampled_from(
            ["from", "to", "period", "zone", "interval", "group_by", "filter", "measures", "top", "cursor"]
        ),
        st.one_of(st.text(max_size=20), st.sampled_from(["month_to_date", "tags.x", "team:a", "9" * 40, "2026-13-01"])),
        max_size=4,
    ),
)
def test_questions_of_any_kind(client: TestClient, path: str, question: dict[str, str]) -> None:
    question = {name: value.encode("utf-8", "replace").decode() for name, value in question.items()}
    answer = client.get(path, params=question)
    assert answer.status_code < 500, answer.text


@many
@given(st.one_of(st.binary(max_size=100), VALUES.map(lambda value: json.dumps(value).encode())), st.sampled_from(MEDIA))
@example(b"[" * 100_000, "application/json")
@example(b'{"name":' * 50_000, "application/json")
@example(b"9" * 100_000, "application/json")
@example(b'{"name": "\\ud800"}', "application/json")
@example(b"a: &a [*a, *a]", "application/yaml")
@example(b"- " * 50_000, "application/yaml")
def test_documents_of_any_kind(client: TestClient, body: bytes, media: str) -> None:
    for method, path in (("POST", "/v1/keys"), ("POST", "/v1/check/repair"), ("PUT", "/v1/catalog?dry_run=true")):
        answer = client.request(method, path, content=body, headers={"content-type": media})
        assert answer.status_code < 500, answer.text


@many
@given(st.text(max_size=60))
def test_paths_of_any_kind(client: TestClient, text: str) -> None:
    path = text.encode("utf-8", "replace")
    for prefix in (b"/v1/events/", b"/v1/keys/", b"/"):
        answer = client.request("GET", "http://testserver", extensions={"target": prefix + path})
        assert answer.status_code < 500
