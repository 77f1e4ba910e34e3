"""Refused events of a cluster: told by reason, and counted once after a fix, however often they are drained."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from outlay_api.cli.app import run
from outlay_api.clusterwide.self_check import SelfCheck
from outlay_api.rejected.draining import Drained, drain
from outlay_api.rejected.selection import Selection
from outlay_api.rejected.topic import RejectedTopic
from outlay_infra.settings import KafkaSettings, Settings
from outlay_infra.warehouse import shared
from outlay_infra.warehouse.shared import SharedWarehouse
from outlay_schemas import avro_schema, codec
from outlay_schemas.usage import UsageEvent
from tests.streams.runtime.loader.conftest import loading
from tests.support import clickhouse_front
from tests.support.events import event
from tests.support.meter_topics import ORG, MeterTopics
from tests.support.schema_registry import SchemaRegistryServer
from tests.support.spend_topic import eventually, held

SCHEMA_ID = 7
POISON = b"\xff\xfe no event at all"
COUNT = 40
_numbers = itertools.count(1)


@pytest.fixture
def registry() -> Iterator[SchemaRegistryServer]:
    with SchemaRegistryServer(user="outlay", password="hunter2") as server:
        yield server


@pytest.fixture(scope="module")
def front(engine_dsn: str) -> Iterator[str]:
    with clickhouse_front.serve(engine_dsn.removeprefix("chdb://")) as port:
        yield f"clickhouse://127.0.0.1:{port}"


@pytest.fixture
def store(front: str) -> Iterator[SharedWarehouse]:
    with SharedWarehouse.open(front, database=f"rejected_{next(_numbers)}") as warehouse:
        warehouse.migrate()
        yield warehouse
        warehouse.command(f"DROP DATABASE {warehouse.database} SYNC")


@pytest.fixture
def topics(kafka_settings: KafkaSettings, registry: SchemaRegistryServer, tmp_path: Path) -> MeterTopics:
    kafka = KafkaSettings(**kafka_settings.model_dump(exclude={"registry"}), registry=registry.url)
    return MeterTopics(kafka, tmp_path)


@pytest.fixture
def settings(topics: MeterTopics, store: SharedWarehouse, front: str) -> Settings:
    return topics.settings(store=front, database=store.database)


def framed(number: int, **fields: Any) -> bytes:
    told = event(id=f"e{number}", time=datetime.now(UTC).isoformat(), **fields)
    return codec.encode_confluent(UsageEvent.model_validate(told), SCHEMA_ID)


async def drained(settings: Settings, *, dry_run: bool = False, **chosen: Any) -> Drained:
    with RejectedTopic.opened(settings) as topic:
        return await drain(topic, Selection(**chosen), now=datetime.now(UTC), dry_run=dry_run)


def counts(done: Drained) -> dict[str, int]:
    return {name: count for name, count in done.document.items() if name != "reasons" and count}


async def test_events_are_counted_once_after_the_fix_however_often_they_are_drained(
    topics: MeterTopics,
    settings: Settings,
    store: SharedWarehouse,
    registry: SchemaRegistryServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shared, "PAUSE_SECONDS", 0.0)
    with topics.metering(settings=settings), loading(settings):
        topics.send(*map(framed, range(COUNT)), POISON, framed(0), partition=1)
        topics.read(topics.topics.usage_rejected, until=lambda found: len(found) == COUNT + 2)

        early = await drained(settings)
        assert counts(early) == {"selected": COUNT + 2, "refused": COUNT + 2}
        assert topics.written(topics.topics.usage) == COUNT + 2

        registry.keep(SCHEMA_ID, avro_schema.published("usage_event"))
        rehearsed = await drained(settings, dry_run=True)
        assert counts(rehearsed) == {"selected": COUNT + 2, "sent": COUNT, "repeated": 1, "refused": 1}
        assert topics.written(topics.topics.usage) == COUNT + 2

        some = await drained(settings, reason="schema", places=places_of_ten(topics))
        assert counts(some) == {"selected": 10, "sent": 10}
        everything = await drained(settings)
        assert everything.sent >= COUNT - 10  # those on their way count as new still: the meter tells
        eventually(lambda: held(store)["entries"] == COUNT)

        written = topics.written(topics.topics.usage)
        again = await drained(settings)
        assert counts(again) == {"selected": again.selected, "in_ledger": COUNT + 1, "refused": 1}
        assert topics.written(topics.topics.usage) == written
        assert list(again.reasons) == [reason for reason in early.reasons if "schema with id" not in reason]
        assert store.query("SELECT DISTINCT org FROM ledger")["org"].to_pylist() == [ORG]
        eventually(lambda: [*store.check(), *SelfCheck(settings, store)()] == [])


def places_of_ten(topics: MeterTopics) -> frozenset[tuple[int, int]]:
    """Where ten different events of the unknown schema are."""
    found = topics.read(topics.topics.usage_rejected)
    places = {one.value(): (one.partition(), one.offset()) for one in found if one.value() != POISON}
    return frozenset(sorted(places.values())[:10])


def test_the_command_line_tells_of_them_and_drains_them(
    topics: MeterTopics,
    settings: Settings,
    registry: SchemaRegistryServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with topics.metering(settings=settings):
        topics.send(framed(1), framed(2, source="batch"), POISON, partition=1)
        topics.read(topics.topics.usage_rejected, until=lambda found: len(found) == 3)
    kafka = topics.kafka
    for name, value in {
        "OUTLAY_STORE": settings.dsn,
        "OUTLAY_DATABASE": settings.database,
        "OUTLAY_KAFKA__BOOTSTRAP": kafka.bootstrap,
        "OUTLAY_KAFKA__PREFIX": kafka.prefix,
        "OUTLAY_KAFKA__PARTITIONS": str(kafka.partitions),
        "OUTLAY_KAFKA__REGISTRY": registry.url,
        "NO_COLOR": "1",
        "COLUMNS": "200",
    }.items():
        monkeypatch.setenv(name, value)

    def outlay(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = run(list(arguments))
        return code, capsys.readouterr().out

    code, listed = outlay("rejected", "list", "--format", "json")
    groups = json.loads(listed)["data"]
    assert code == 0
    assert [(group["events"], group["outcome"], group["org"]) for group in groups] == [
        (2, "rejected", ORG),
        (1, "rejected", ORG),
    ]
    assert "schema with id 7" in groups[0]["reason"]

    place = groups[1]["example"]
    code, shown = outlay("rejected", "show", "--at", place, "--format", "json")
    (poison,) = json.loads(shown)["data"]
    assert poison["place"] == place
    assert poison["origin"] == f"{kafka.prefix}usage/1/2"
    assert poison["event"] is None
    assert poison["bytes"]
    assert "schema with id 7" in outlay("rejected", "show", "--reason", "SCHEMA")[1]

    registry.keep(SCHEMA_ID, avro_schema.published("usage_event"))
    code, told = outlay("rejected", "drain", "--dry-run")
    assert (code, "3 refused events: 2 would be sent again" in told) == (3, True)
    code, told = outlay("rejected", "drain", "--reason", "schema with id 7", "--format", "json")
    assert code == 0
    assert json.loads(told) == {
        "dry_run": False,
        "selected": 2,
        "sent": 2,
        "in_ledger": 0,
        "repeated": 0,
        "refused": 0,
        "reasons": [],
    }
    sent = [one for one in topics.read(topics.topics.usage) if one.key() != b"k"]
    assert len(sent) == 2
    assert {one.value() for one in sent} <= {one.value() for one in topics.read(topics.topics.usage_rejected)}
    assert {one.key().decode().split("\x1f")[0] for one in sent} == {ORG}
    assert outlay("rejected", "show", "--at", "x")[0] == 2
