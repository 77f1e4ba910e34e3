"""What every publisher does: the embedded runtime, and Kafka. The same suite by itself and behind `POST /v1/events`.

They differ in one thing: the embedded runtime has judged repeats when it answers, while on a cluster the meter will.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
import structlog

from outlay_api.app import create_app
from outlay_api.compose import running
from outlay_api.services import Services
from outlay_infra.kafka import cluster_topics, producer_config
from outlay_infra.kafka.delivery import BatchProducer, Bounds
from outlay_infra.kafka.topic_admin import TopicAdmin
from outlay_infra.settings import KafkaSettings, Settings
from outlay_infra.warehouse import Warehouse
from outlay_schemas.codec import UsageDecoder
from outlay_schemas.outcome import ACCEPTED, Outcome, Verdict
from outlay_streams.decode import Decoded
from outlay_streams.runtime.embedded import EmbeddedRuntime
from outlay_streams.runtime.errors import Busy, IntakeError, NotAcknowledged, Stopped
from outlay_streams.runtime.kafka_publisher import KafkaPublisher
from outlay_streams.runtime.queue import QueueLimits
from tests.support.events import ManualClock, decoded, event
from tests.support.flat_rules import flat_rules
from tests.support.kafka_broker.reading import read_all
from tests.support.memory_ledger import MemoryLedger

BOUND = 3
"""Events that a small publisher lets wait."""
PROBLEM = "urn:outlay:problem:"


class Publisher(Protocol):
    async def publish(self, org: str, decoded: Decoded, /) -> list[Outcome]: ...

    def stop(self, deadline: float) -> bool: ...


@dataclass(frozen=True)
class Adapter:
    """One publisher with what it writes to."""

    open: Callable[[], Publisher]
    """Open a publisher that works."""
    unanswered: Callable[[], AbstractContextManager[Publisher]]
    """Open a small publisher whose store or broker does not answer until the context ends."""
    under_way: Callable[[], object]
    """Wait until what was published first is with the store or broker."""
    stored: Callable[[], list[tuple[str, str]]]
    """Org and id of every accepted event, in order of id."""
    refused: Callable[[], list[dict[str, str]]]
    """Org, id, pointer, reason and event of every refused one, in order of id."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
def embedded() -> Iterator[Adapter]:
    ledger = MemoryLedger()
    opened: list[EmbeddedRuntime] = []

    def start(**more: Any) -> EmbeddedRuntime:
        generation = len(opened) + 1
        opened.append(
            EmbeddedRuntime(ledger=ledger, clock=ManualClock(), rules=flat_rules, generation=generation, **more)
        )
        return opened[-1]

    @contextmanager
    def unanswered() -> Iterator[Publisher]:
        ledger.gate.clear()
        try:
            yield start(limits=QueueLimits(events=BOUND))
        finally:
            ledger.gate.set()

    def refused() -> list[dict[str, str]]:
        rows = ledger.table("rejects").select(["org", "id", "pointer", "reason", "event"]).to_pylist()
        return sorted(rows, key=lambda row: row["id"])

    yield Adapter(
        open=start,
        unanswered=unanswered,
        under_way=lambda: ledger.entered.acquire(timeout=30),
        stored=lambda: sorted((row["org"], row["id"]) for row in ledger.table("entries").to_pylist()),
        refused=refused,
    )
    for runtime in opened:
        runtime.stop(30)


@pytest.fixture
def kafka_publisher(kafka_settings: KafkaSettings) -> Iterator[Adapter]:
    topics = cluster_topics(kafka_settings)
    opened: list[KafkaPublisher] = []
    TopicAdmin(kafka_settings).apply()

    def start(settings: KafkaSettings = kafka_settings, bounds: Bounds | None = None) -> KafkaPublisher:
        producer = BatchProducer(producer_config(settings), bounds=bounds)
        opened.append(KafkaPublisher(producer, topics=topics, clock=ManualClock()))
        return opened[-1]

    @contextmanager
    def unanswered() -> Iterator[Publisher]:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            away = kafka_settings.model_copy(update={"bootstrap": f"127.0.0.1:{nobody.getsockname()[1]}"})
            publisher = start(away, Bounds(records=BOUND))
            yield publisher
            publisher.stop(0)

    def stored() -> list[tuple[str, str]]:
        decode = UsageDecoder().decode
        found = read_all(kafka_settings, topics.usage.name)
        return sorted((dict(message.headers())["org"].decode(), decode(message.value()).id) for message in found)

    def refused() -> list[dict[str, str]]:
        rows = []
        for message in read_all(kafka_settings, topics.usage_rejected.name):
            told = {name: value.decode() for name, value in message.headers()}
            rows.append({name: told[name] for name in ("org", "id", "pointer", "reason")})
            rows[-1]["event"] = message.value().decode()
        return sorted(rows, key=lambda row: row["id"])

    yield Adapter(open=start, unanswered=unanswered, under_way=lambda: None, stored=stored, refused=refused)
    for publisher in opened:
        publisher.stop(30)


@pytest.fixture(params=["embedded", "kafka_publisher"], ids=["embedded", "kafka"])
def adapter(request: pytest.FixtureRequest) -> Adapter:
    found: Adapter = request.getfixturevalue(request.param)
    return found


async def filled(adapter: Adapter, publisher: Publisher) -> tuple[list[asyncio.Task[list[Outcome]]], Busy]:
    """Publish one event after another until the publisher is full; return what waits, and the refusal."""
    waiting: list[asyncio.Task[list[Outcome]]] = []
    while len(waiting) < 3 * BOUND:
        answer = asyncio.create_task(publisher.publish("acme", decoded([event(id=f"e{len(waiting)}")])))
        await asyncio.sleep(0)  # one turn: a publisher that is full refuses before it waits
        if answer.done():
            refusal = answer.exception()
            assert isinstance(refusal, Busy), refusal
            return waiting, refusal
        waiting.append(answer)
        if len(waiting) == 1:
            await asyncio.to_thread(adapter.under_way)
    raise AssertionError(f"{len(waiting)} events wait where {BOUND} may")


async def test_accepted_events_are_stored_when_they_are_answered(adapter: Adapter) -> None:
    publisher = adapter.open()
    assert await publisher.publish("acme", decoded([event(id="a"), event(id="b")])) == [ACCEPTED, ACCEPTED]
    assert adapter.stored() == [("acme", "a"), ("acme", "b")]
    await publisher.publish("globex", decoded([event(id="a")], org="globex"))
    assert adapter.stored() == [("acme", "a"), ("acme", "b"), ("globex", "a")]


async def test_a_refused_event_is_stored_with_its_reason_and_fails_no_other(adapter: Adapter) -> None:
    batch = decoded([event(id="a"), event(id="b", wrong=1), event(id="c", time="noon"), event(id="d")])
    outcomes = await adapter.open().publish("acme", batch)

    assert [outcome.verdict for outcome in outcomes] == [
        Verdict.ACCEPTED,
        Verdict.REJECTED,
        Verdict.REJECTED,
        Verdict.ACCEPTED,
    ]
    assert outcomes[1] is batch.outcomes[1]
    assert adapter.stored() == [("acme", "a"), ("acme", "d")]
    refused = adapter.refused()
    assert [(row["org"], row["id"], row["pointer"]) for row in refused] == [
        ("acme", "b", "/wrong"),
        ("acme", "c", "/time"),
    ]
    assert refused[0]["reason"] == outcomes[1].reason
    assert json.loads(refused[1]["event"])["time"] == "noon"


async def test_a_batch_of_refused_events_alone_is_stored(adapter: Adapter) -> None:
    outcomes = await adapter.open().publish("acme", decoded([event(id="a", wrong=1)]))
    assert [outcome.verdict for outcome in outcomes] == [Verdict.REJECTED]
    assert (adapter.stored(), len(adapter.refused())) == ([], 1)


async def test_a_batch_of_nothing_is_answered_at_once(adapter: Adapter) -> None:
    with adapter.unanswered() as publisher:
        assert await publisher.publish("acme", decoded([])) == []


async def test_a_large_batch_is_stored_whole(adapter: Adapter) -> None:
    names = [f"e{n:04}" for n in range(1_000)]
    outcomes = await adapter.open().publish("acme", decoded([event(id=name) for name in names]))
    assert outcomes == [ACCEPTED] * len(names)
    assert adapter.stored() == [("acme", name) for name in names]


async def test_batches_of_many_tasks_are_all_stored(adapter: Adapter) -> None:
    publisher = adapter.open()
    batches = [decoded([event(id=f"{task:02}-{n}") for n in range(5)]) for task in range(20)]
    answers = await asyncio.gather(*(publisher.publish("acme", batch) for batch in batches))
    assert answers == [[ACCEPTED] * 5] * 20
    assert len(adapter.stored()) == 100


async def test_no_answer_before_the_store_has_the_events_and_busy_when_too_many_wait(adapter: Adapter) -> None:
    with adapter.unanswered() as publisher:
        waiting, busy = await filled(adapter, publisher)
        assert len(waiting) >= BOUND
        assert not any(answer.done() for answer in waiting)
        assert busy.retry_after >= 1
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(answer == [ACCEPTED] or isinstance(answer, IntakeError) for answer in answers)
    assert len(adapter.stored()) == answers.count([ACCEPTED])


async def test_a_caller_that_left_while_it_waited_harms_nobody(adapter: Adapter) -> None:
    with adapter.unanswered() as publisher:
        left = asyncio.create_task(publisher.publish("acme", decoded([event(id="a")])))
        await asyncio.sleep(0)
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
    assert await adapter.open().publish("acme", decoded([event(id="b")])) == [ACCEPTED]
    assert ("acme", "b") in adapter.stored()


async def test_after_a_stop_nothing_is_taken_and_everything_accepted_is_stored(adapter: Adapter) -> None:
    publisher = adapter.open()
    answer = asyncio.create_task(publisher.publish("acme", decoded([event(id="a")])))
    await asyncio.sleep(0)
    assert await asyncio.to_thread(publisher.stop, 30)
    assert await answer == [ACCEPTED]
    assert adapter.stored() == [("acme", "a")]
    with pytest.raises(Stopped):
        await publisher.publish("acme", decoded([event(id="b")]))


async def test_what_was_not_acknowledged_can_be_sent_again(kafka_publisher: Adapter) -> None:
    batch = decoded([event(id="a")])
    with kafka_publisher.unanswered() as publisher:
        answer = asyncio.create_task(publisher.publish("acme", batch))
        await asyncio.sleep(0)
    with pytest.raises(NotAcknowledged, match="the same ids"):
        await answer
    assert await kafka_publisher.open().publish("acme", batch) == [ACCEPTED]
    assert kafka_publisher.stored() == [("acme", "a")]


@pytest.fixture
def services(warehouse: Warehouse, tmp_path: Path) -> Iterator[Services]:
    settings = Settings.load(data=tmp_path, org="acme")
    with running(settings, warehouse, generation=1, clock=ManualClock()) as started:
        yield started


@pytest.fixture
async def serve(services: Services) -> AsyncIterator[Callable[[Publisher], httpx.AsyncClient]]:
    """Serve the API over a publisher."""
    clients: list[httpx.AsyncClient] = []

    def client(publisher: Publisher) -> httpx.AsyncClient:
        app = create_app(replace(services, publisher=publisher))
        clients.append(httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:8321"))
        return clients[-1]

    yield client
    for each in clients:
        await each.aclose()


Serve = Callable[[Publisher], httpx.AsyncClient]


async def test_a_posted_batch_is_answered_event_by_event(adapter: Adapter, serve: Serve) -> None:
    http = serve(adapter.open())
    answer = await http.post("/v1/events", json=[event(id="a"), event(id="b", wrong=1), "nonsense", event(id="d")])
    document = answer.json()
    assert answer.status_code == 200
    assert {verdict: document[verdict] for verdict in Verdict} == {
        "accepted": 2,
        "duplicate": 0,
        "conflict": 0,
        "rejected": 2,
    }
    assert [(row["index"], row["outcome"], row["pointer"]) for row in document["events"]] == [
        (1, "rejected", "/wrong"),
        (2, "rejected", ""),
    ]
    assert adapter.stored() == [("acme", "a"), ("acme", "d")]
    assert len(adapter.refused()) == 2


async def test_a_posted_event_answers_for_itself(adapter: Adapter, serve: Serve) -> None:
    http = serve(adapter.open())
    accepted = await http.post("/v1/events", json=event(id="a"))
    refused = await http.post("/v1/events", json=event(id="b", wrong=1))
    assert (accepted.status_code, accepted.json()["accepted"]) == (200, 1)
    assert (refused.status_code, refused.json()["type"]) == (422, f"{PROBLEM}event-rejected")
    assert refused.json()["errors"][0]["pointer"] == "#/wrong"
    assert adapter.stored() == [("acme", "a")]
    assert [row["id"] for row in adapter.refused()] == ["b"]


async def test_a_body_that_cannot_be_read_reaches_no_publisher(adapter: Adapter, serve: Serve) -> None:
    http = serve(adapter.open())
    answer = await http.post("/v1/events", content=b"{", headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert adapter.stored() == adapter.refused() == []


async def test_posts_are_told_when_to_come_back(adapter: Adapter, serve: Serve) -> None:
    with adapter.unanswered() as publisher:
        waiting, _ = await filled(adapter, publisher)
        answer = await serve(publisher).post("/v1/events", json=event(id="late"))
        assert (answer.status_code, answer.json()["type"]) == (503, f"{PROBLEM}busy")
        assert int(answer.headers["retry-after"]) >= 1
    await asyncio.gather(*waiting, return_exceptions=True)
    assert ("acme", "late") not in adapter.stored()


async def test_posts_to_a_stopped_publisher_are_told_to_come_back(adapter: Adapter, serve: Serve) -> None:
    publisher = adapter.open()
    http = serve(publisher)
    await asyncio.to_thread(publisher.stop, 30)
    answer = await http.post("/v1/events", json=event())
    assert (answer.status_code, answer.json()["type"]) == (503, f"{PROBLEM}stopping")
    assert "retry-after" in answer.headers


async def test_posts_that_were_not_acknowledged_are_told_to_send_the_same_again(
    kafka_publisher: Adapter, serve: Serve
) -> None:
    with kafka_publisher.unanswered() as publisher:
        answer = asyncio.create_task(serve(publisher).post("/v1/events", json=event()))
        assert isinstance(publisher, KafkaPublisher)
        while not publisher.stats().in_flight_batches:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)
    response = await answer
    assert (response.status_code, response.json()["type"]) == (503, f"{PROBLEM}not-acknowledged")
    assert "127.0.0.1" not in response.text
    assert "retry-after" in response.headers
