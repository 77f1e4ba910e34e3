"""A schema registry in use: the API writes under an id, meters read by it, and `config check` reaches it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest
from pydantic import SecretStr

from outlay_api import cluster
from outlay_api.clusterwide import reach
from outlay_infra.kafka import BrokerRefused
from outlay_infra.kafka.registry import SchemaRegistry
from outlay_infra.kafka.usage_records import UsageEncoder
from outlay_infra.settings import KafkaSettings, Settings
from outlay_schemas import avro_schema
from outlay_streams.decode.avro import Writers, decode_avro
from tests.support.events import NOW, decoded, event
from tests.support.schema_registry import SchemaRegistryServer


@pytest.fixture
def registry() -> Iterator[SchemaRegistryServer]:
    with SchemaRegistryServer(user="outlay", password="hunter2") as server:
        server.keep(41, '"string"')
        yield server


def settings(url: str) -> Settings:
    return Settings(kafka=KafkaSettings(prefix="shop.", registry=SecretStr(url)))


def test_events_written_under_an_id_are_read_by_it(registry: SchemaRegistryServer) -> None:
    encoder = cluster._encoder(settings(registry.url))
    assert registry.subjects == {"shop.usage-value": [42]}
    assert registry.schemas[42] == avro_schema.published("usage_event")
    assert cluster._encoder(settings(registry.url)) == encoder

    events = [event(id=f"e{number}", time=(NOW - timedelta(minutes=number)).isoformat()) for number in range(50)]
    usage = decoded(events, org="acme").usage
    values = encoder.values(usage)
    assert {value[:5] for value in values} == {b"\0\0\0\0\x2a"}
    with closing(SchemaRegistry(registry.url)) as schemas:
        found = decode_avro(values, "acme", now=NOW, writers=Writers(resolve=schemas.schema))
    assert found.usage.equals(usage)
    assert registry.asked.count("GET /schemas/ids/42") == 1


def test_an_api_starts_while_the_registry_is_away_and_not_when_it_refuses(registry: SchemaRegistryServer) -> None:
    with pytest.raises(BrokerRefused, match=r"kafka\.registry"):
        cluster._encoder(settings(registry.url.replace("hunter2", "wrong")))
    with SchemaRegistryServer() as gone:
        url = gone.url
    assert cluster._encoder(settings(url)) == UsageEncoder()


def test_config_check_reaches_it_and_says_what_is_wrong(registry: SchemaRegistryServer) -> None:
    well = reach._registry(settings(registry.url).kafka)
    refused = reach._registry(settings(registry.url.replace("hunter2", "wrong")).kafka)
    with SchemaRegistryServer() as gone:
        url = gone.url
    away = reach._registry(settings(url).kafka)

    assert (well.well, well.found) == (True, "answers")
    assert (refused.well, away.well) == (False, False)
    assert "answers 401" in refused.found
    assert "does not answer" in away.found
    assert "hunter2" not in f"{well}{refused}{away}"
    assert "wrong" not in f"{refused.where}{refused.found}"
