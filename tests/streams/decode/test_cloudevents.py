"""CloudEvents in structured, batch and binary mode mean the same event; the `cloudevents` package is the oracle."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary_event, to_structured_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay_schemas.usage import CLOUDEVENT_TYPE
from outlay_streams.decode import Decoded, MalformedBody, UnsupportedContent, decode
from tests.support.events import NOW, event

TIME = "2026-05-04T11:59:00.250Z"
DATA = {name: value for name, value in event().items() if name not in {"id", "time"}}


def envelope(**attributes: Any) -> dict[str, Any]:
    given = {
        "specversion": "1.0",
        "type": CLOUDEVENT_TYPE,
        "id": "e1",
        "source": "urn:outlay:sdk:search",
        "time": TIME,
        "data": DATA,
    }
    return {name: value for name, value in (given | attributes).items() if value is not ...}


def read(sent: Any, content_type: str = "application/cloudevents+json", **headers: str) -> Decoded:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    content = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    return decode(content, content_type=content_type, org="acme", now=NOW, headers=names)


def refusal(batch: Decoded) -> tuple[str, str]:
    (outcome,) = batch.outcomes
    assert outcome is not None
    return outcome.pointer or "", outcome.reason or ""


def message(cloud_event: CloudEvent, *, binary: bool) -> HTTPMessage:
    return to_binary_event(cloud_event) if binary else to_structured_event(cloud_event)


@pytest.mark.parametrize("binary", [True, False])
@settings(deadline=None)
@given(identity=st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40))
def test_what_the_cloudevents_package_writes_is_read(identity: str, *, binary: bool) -> None:
    attributes = {
        "id": identity,
        "source": "urn:outlay:sdk:search",
        "type": CLOUDEVENT_TYPE,
        "specversion": "1.0",
        "time": datetime.fromisoformat(TIME),
        "subject": "chatcmpl-1",
        "datacontenttype": "application/json",
        "partitionkey": "team-search",
    }
    sent = message(CloudEvent(attributes=attributes, data=DATA), binary=binary)
    headers = dict(sent.headers)
    batch = decode(sent.body, content_type=headers["content-type"], org="acme", now=NOW, headers=headers)
    assert batch.outcomes == [None]
    row = batch.usage.to_pylist()[0]
    assert (row["id"], row["source"], row["input_tokens"]) == (identity, "urn:outlay:sdk:search", 100)
    assert row["time"].isoformat() == "2026-05-04T11:59:00.250000+00:00"


def test_every_mode_means_the_same_event() -> None:
    attributes = {f"ce_{name}": value for name, value in envelope().items() if name != "data"}
    binary = read(DATA, "application/json", **attributes)
    structured = read(envelope())
    batch = read([envelope(subject=None, extension=5)], "application/cloudevents-batch+json; charset=utf-8")
    assert binary.usage.equals(structured.usage)
    assert binary.usage.equals(batch.usage)


def test_data_may_come_as_base64() -> None:
    sent = envelope(data=..., data_base64=base64.b64encode(json.dumps(DATA).encode()).decode())
    assert read(sent).usage.equals(read(envelope()).usage)


def test_a_batch_may_be_empty_and_one_bad_envelope_fails_alone() -> None:
    content_type = "application/cloudevents-batch+json"
    assert read([], content_type).outcomes == []
    batch = read([envelope(type="other"), envelope(), 3], content_type)
    assert batch.positions == [1]


@pytest.mark.parametrize(
    ("attributes", "pointer", "said"),
    [
        ({"specversion": "0.3"}, "/specversion", "must be '1.0', got '0.3'"),
        ({"type": "com.example"}, "/type", CLOUDEVENT_TYPE),
        ({"id": ...}, "/id", "id is required"),
        ({"id": ""}, "/id", "id is empty"),
        ({"source": None}, "/source", "source is required"),
        ({"time": "noon"}, "/time", "RFC 3339"),
        ({"time": ...}, "/time", "time is required"),
        ({"data": ...}, "/data", "data is required"),
        ({"data": [DATA]}, "/data", "must be a JSON object, got an array"),
        ({"data": DATA | {"id": "other"}}, "/data/id", "different things about id"),
        ({"data": DATA | {"modle": "x"}}, "/data/modle", "did you mean 'model'?"),
        ({"data": DATA | {"quantities": {"input_tokens": -1}}}, "/data/quantities/input_tokens", "-1"),
        ({"data_base64": "AA=="}, "/data_base64", "both set"),
        ({"data": ..., "data_base64": "!"}, "/data_base64", "not base64"),
        ({"data": ..., "data_base64": "e30g"[:3] + "="}, "/data/provider", "provider is required"),
        ({"datacontenttype": "application/avro"}, "/datacontenttype", "data must be JSON"),
    ],
)
def test_a_refused_envelope_points_into_itself(attributes: dict[str, Any], pointer: str, said: str) -> None:
    found, reason = refusal(read(envelope(**attributes)))
    assert found == pointer
    assert said in reason


def test_time_may_stand_in_the_data() -> None:
    assert read(envelope(time=..., data=DATA | {"time": TIME})).usage.equals(read(envelope()).usage)


@pytest.mark.parametrize(
    ("header", "identity"),
    [
        ("e%201", "e 1"),
        ("%c3%a9", "é"),
        ("%C3%A9%25", "é%"),
        ('"quoted \\" id"', 'quoted " id'),
        ("a%2520b", "a%20b"),
        ("é".encode().decode("latin-1"), "é"),
    ],
)
def test_header_values_are_decoded_once(header: str, identity: str) -> None:
    headers = {f"CE-{name}": value for name, value in envelope(id=header).items() if name != "data"}
    assert read(DATA, "application/json", **headers).usage["id"].to_pylist() == [identity]


@pytest.mark.parametrize("header", ["%ff", "%C3", "\N{EURO SIGN}", "\xe9"])
def test_a_header_that_is_not_utf_8_refuses_the_body(header: str) -> None:
    with pytest.raises(MalformedBody, match="ce-id"):
        read(DATA, "application/json", ce_specversion="1.0", ce_id=header)


def test_binary_pointers_go_into_the_body() -> None:
    headers = {f"ce_{name}": value for name, value in envelope().items() if name != "data"}
    assert refusal(read(DATA | {"tags": {"a": 1}}, "application/json", **headers))[0] == "/tags/a"
    assert refusal(read([DATA], "application/json", **headers))[0] == ""


def test_modes_do_not_mix() -> None:
    with pytest.raises(UnsupportedContent, match="binary CloudEvent"):
        read(DATA, "application/x-ndjson", ce_specversion="1.0")
    with pytest.raises(MalformedBody, match="batch"):
        read([envelope()])
    with pytest.raises(MalformedBody, match="array of envelopes"):
        read(envelope(), "application/cloudevents-batch+json")


def test_the_package_reads_back_what_it_wrote_from_the_same_envelope() -> None:
    assert JSONFormat().read(CloudEvent, json.dumps(envelope()).encode()).get_id() == "e1"
