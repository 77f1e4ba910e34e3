"""A schema registry's answers, and what becomes of them."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

from outlay_infra.kafka import BrokerError, BrokerRefused, BrokerUnavailable
from outlay_infra.kafka.registry import SchemaRegistry
from outlay_schemas import avro_schema, codec
from outlay_schemas.usage import UsageEvent

SCHEMA = avro_schema.published("usage_event")
EVENT = UsageEvent.model_validate(
    {"id": "e1", "time": "2026-05-04T11:59:00.250Z", "provider": "openai", "model": "gpt-5-mini"}
)


class Remote:
    """Registers schemas in order of arrival, under ids from 1."""

    def __init__(self) -> None:
        self.schemas: list[str] = []
        self.subjects: list[str] = []
        self.authorization = ""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.authorization = request.headers.get("authorization", "")
        if request.method == "POST":
            self.subjects.append(request.url.path)
            schema = json.loads(request.content)["schema"]
            if schema not in self.schemas:
                self.schemas.append(schema)
            return httpx.Response(200, json={"id": self.schemas.index(schema) + 1})
        asked = int(request.url.path.rpartition("/")[2])
        if asked > len(self.schemas):
            return httpx.Response(404, json={"error_code": 40403, "message": "Schema not found"})
        return httpx.Response(200, json={"schema": self.schemas[asked - 1]})


def registry(remote: Callable[[httpx.Request], httpx.Response]) -> SchemaRegistry:
    return SchemaRegistry("http://user:hunter2@registry:8081", transport=httpx.MockTransport(remote))


def test_a_schema_is_registered_once_under_its_topic_and_found_by_its_id() -> None:
    remote = Remote()
    schemas = registry(remote)
    assert schemas.register("outlay.usage", SCHEMA) == schemas.register("outlay.usage", SCHEMA) == 1
    assert remote.subjects[0] == "/subjects/outlay.usage-value/versions"
    assert remote.authorization.startswith("Basic ")
    assert schemas.schema(1) == SCHEMA


def test_events_of_other_producers_are_read_by_the_schema_they_name() -> None:
    schemas = registry(Remote())
    schema_id = schemas.register("usage", SCHEMA)
    decoder = codec.UsageDecoder(resolve=schemas.schema)
    assert decoder.decode(codec.encode_confluent(EVENT, schema_id)) == EVENT
    with pytest.raises(codec.CodecError, match="knows no schema with id 7"):
        decoder.decode(codec.encode_confluent(EVENT, 7))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(401), BrokerRefused),
        (httpx.Response(503), BrokerUnavailable),
        (httpx.Response(429), BrokerUnavailable),
        (httpx.Response(200, json={"error": "none of it"}), BrokerUnavailable),
        (httpx.Response(200, json=["schema", "id"]), BrokerUnavailable),
        (httpx.Response(200, json={"id": "7", "schema": None}), BrokerUnavailable),
        (httpx.Response(200, text="<html>please sign in</html>"), BrokerUnavailable),
        (httpx.Response(302, headers={"location": "/login"}), BrokerError),
        (httpx.Response(409, json={"error_code": 409, "message": "incompatible"}), BrokerError),
        (httpx.Response(404, text="no such page"), BrokerError),
        (httpx.Response(404, json=[]), BrokerError),
    ],
)
def test_what_the_registry_refuses_is_told_without_its_password(answer: httpx.Response, kind: type[Exception]) -> None:
    schemas = registry(lambda _request: answer)
    for ask in (lambda: schemas.register("usage", SCHEMA), lambda: schemas.schema(1)):
        with pytest.raises(kind, match="registry") as error:
            ask()
        assert "hunter2" not in str(error.value)


def test_a_registry_that_is_away_may_be_asked_again() -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(BrokerUnavailable, match="registry"):
        registry(away).schema(1)


@pytest.mark.parametrize("url", ["http://ann:s3cret/x@registry", "http://ann:x@registry:s3cret"])
def test_a_url_that_cannot_be_read_is_told_without_its_password(url: str) -> None:
    with pytest.raises(BrokerError, match=r"kafka\.registry") as told:
        SchemaRegistry(url)
    assert "s3cret" not in str(told.value)
