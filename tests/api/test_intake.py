"""Intake: what each kind of body is answered, and that the answer is true."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import httpx
import pytest
from backports import zstd

from outlay_api.app import create_app
from outlay_api.decoding import Decoding
from outlay_api.services import Services
from outlay_infra.errors import StoreFull, StoreUnavailable
from outlay_schemas.outcome import Outcome
from outlay_schemas.usage import CLOUDEVENT_TYPE
from outlay_streams.decode import Decoded
from outlay_streams.runtime.errors import Busy, NotCounted, Stopped
from tests.api.conftest import Compose, event

NOTHING = {"accepted": 0, "duplicate": 0, "conflict": 0, "rejected": 0, "events": []}
NDJSON = {"content-type": "application/x-ndjson"}


def lines(*events: dict[str, Any]) -> bytes:
    return b"\n".join(json.dumps(each).encode() for each in events)


def counted(services: Services) -> int:
    count: int = services.warehouse.query("SELECT count() AS n FROM ledger")["n"][0].as_py()
    return count


async def test_one_event_is_counted_when_it_is_answered(http: httpx.AsyncClient, services: Services) -> None:
    answer = await http.post("/v1/events", json=event())
    assert (answer.status_code, answer.json()) == (200, NOTHING | {"accepted": 1})
    assert counted(services) == 1


async def test_a_batch_tells_the_outcome_of_each(http: httpx.AsyncClient, services: Services) -> None:
    await http.post("/v1/events", json=event(1))
    batch = [
        event(1),
        event(1, quantities={"input_tokens": 1}),
        event(2, quantities={"input_tokens": -1}),
        event(3),
        "nonsense",
    ]
    answer = (await http.post("/v1/events", json=batch)).json()
    assert {name: answer[name] for name in ("accepted", "duplicate", "conflict", "rejected")} == {
        "accepted": 1,
        "duplicate": 1,
        "conflict": 1,
        "rejected": 2,
    }
    assert [(each["index"], each["outcome"]) for each in answer["events"]] == [
        (0, "duplicate"),
        (1, "conflict"),
        (2, "rejected"),
        (4, "rejected"),
    ]
    conflict, rejected = answer["events"][1:3]
    assert (conflict["id"], conflict["pointer"]) == ("call-1", "/id")
    assert (rejected["id"], rejected["pointer"]) == ("call-2", "/quantities/input_tokens")
    assert rejected["reason"]
    assert counted(services) == 2


async def test_all_outcomes_are_listed_when_asked(http: httpx.AsyncClient) -> None:
    answer = (await http.post("/v1/events?detail=all", content=lines(event(1), event(2)), headers=NDJSON)).json()
    assert [(each["index"], each["outcome"]) for each in answer["events"]] == [(0, "accepted"), (1, "accepted")]


async def test_compressed_bodies(http: httpx.AsyncClient) -> None:
    for number, (encoding, compress) in enumerate((("gzip", gzip.compress), ("zstd", zstd.compress), ("", bytes))):
        headers = NDJSON | {"content-encoding": encoding}
        body = compress(lines(event(2 * number), event(2 * number + 1)))
        answer = await http.post("/v1/events", content=body, headers=headers)
        assert answer.json()["accepted"] == 2


async def test_compressed_bodies_never_hold_up_the_event_loop(services: Services) -> None:
    threads: set[str] = set()

    class Watched:
        """Decoding asks for the time, so a clock sees where it is done."""

        def now(self) -> datetime:
            threads.add(threading.current_thread().name.partition("_")[0])
            return services.clock.now()

    transport = httpx.ASGITransport(create_app(replace(services, clock=Watched())))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8321") as http:
        await http.post("/v1/events", json=event())
        assert "decode" not in threads
        many = b"[" + b",".join([json.dumps(event()).encode()] * 2_000) + b"]"
        body = zstd.compress(many)
        assert len(body) < 1_000
        answer = await http.post("/v1/events", content=body, headers={"content-encoding": "zstd"})
    assert answer.json()["duplicate"] == 2_000
    assert "decode" in threads


@pytest.mark.parametrize(("bodies", "nbytes"), [(2, 100), (9, 25)])
async def test_more_bodies_than_may_wait_are_asked_to_come_back(bodies: int, nbytes: int) -> None:
    decoding = Decoding(bodies=bodies, nbytes=nbytes)
    go_on = threading.Event()
    first, second = (asyncio.ensure_future(decoding.run(partial(go_on.wait, 60), 10)) for _ in range(2))
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await decoding.run(bool, 10)
    go_on.set()
    assert (await first, await second) == (True, True)
    assert await decoding.run(partial(int, 7), 1_000) == 7


async def test_cloudevents(http: httpx.AsyncClient) -> None:
    data = {name: value for name, value in event().items() if name not in {"id", "source", "time"}}
    envelope = {"specversion": "1.0", "type": CLOUDEVENT_TYPE, **{n: event()[n] for n in ("source", "time")}}
    structured = {"content-type": "application/cloudevents+json"}
    batched = {"content-type": "application/cloudevents-batch+json"}
    binary = {f"ce-{name}": value for name, value in envelope.items()} | {"content-type": "application/json"}
    for answer in (
        await http.post("/v1/events", content=json.dumps({**envelope, "id": "a", "data": data}), headers=structured),
        await http.post("/v1/events", content=json.dumps([{**envelope, "id": "b", "data": data}]), headers=batched),
        await http.post("/v1/events", content=json.dumps(data), headers={**binary, "ce-id": "c"}),
    ):
        assert (answer.status_code, answer.json()) == (200, NOTHING | {"accepted": 1})


async def test_a_sender_of_cloudevents_may_introduce_itself(http: httpx.AsyncClient) -> None:
    greeted = await http.options("/v1/events", headers={"webhook-request-origin": "events.example.com"})
    assert (greeted.status_code, greeted.headers["webhook-allowed-origin"]) == (204, "events.example.com")
    assert "POST" in (await http.options("/v1/events")).headers["allow"]


async def test_a_lone_event_answers_for_itself(http: httpx.AsyncClient) -> None:
    await http.post("/v1/events", json=event())
    assert (await http.post("/v1/events", json=event())).json()["duplicate"] == 1
    conflict = await http.post("/v1/events", json=event(quantities={"input_tokens": 1}))
    assert (conflict.status_code, conflict.json()["type"]) == (409, "urn:outlay:problem:event-conflict")
    invalid = await http.post("/v1/events", json=event(2, modle="gpt"))
    assert (invalid.status_code, invalid.json()["type"]) == (422, "urn:outlay:problem:event-rejected")
    assert invalid.json()["errors"][0]["pointer"] == "#/modle"
    assert (invalid.json()["event_id"], invalid.json()["outcome"]) == ("call-2", "rejected")


async def test_a_batch_of_one_is_a_batch(http: httpx.AsyncClient) -> None:
    for sent in ({"json": [{"id": "x"}]}, {"content": b'{"id": "x"}', "headers": NDJSON}):
        answer = await http.post("/v1/events", **sent)
        assert (answer.status_code, answer.json()["rejected"]) == (200, 1)


async def test_an_empty_array_is_nothing(http: httpx.AsyncClient) -> None:
    assert (await http.post("/v1/events", json=[])).json() == NOTHING


UNREADABLE: list[tuple[bytes, dict[str, str], int, str]] = [
    (b"", {}, 400, "malformed-body"),
    (b"{", {}, 400, "malformed-body"),
    (b"\xff\xfe{}", {}, 400, "malformed-body"),
    (b"not gzip", {"content-encoding": "gzip"}, 400, "malformed-body"),
    (b"[]", {"content-encoding": "br"}, 415, "unsupported-content"),
    (b"<a/>", {"content-type": "text/xml"}, 415, "unsupported-content"),
    (b"[" + b"1," * 10_000 + b"1]", {}, 413, "body-too-large"),
]


async def test_bodies_that_cannot_be_read(http: httpx.AsyncClient, services: Services) -> None:
    for body, headers, status, kind in UNREADABLE:
        answer = await http.post("/v1/events", content=body, headers={"content-type": "application/json"} | headers)
        assert (answer.status_code, answer.json()["type"]) == (status, f"urn:outlay:problem:{kind}")
        assert answer.headers["content-type"] == "application/problem+json"
    assert counted(services) == 0


async def test_a_body_that_grows_too_large_is_refused(compose: Compose) -> None:
    with compose(intake={"body_bytes": 4096}) as services:
        transport = httpx.ASGITransport(create_app(services))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            plain = await http.post("/v1/events", content=b" " * 4097)
            bomb = await http.post(
                "/v1/events", content=gzip.compress(b" " * 100_000), headers={"content-encoding": "gzip"}
            )
    assert (plain.status_code, bomb.status_code) == (413, 413)


async def test_outcomes_and_refusals_are_counted(http: httpx.AsyncClient) -> None:
    await http.post("/v1/events", json=[event(1), event(1), event(2, model="no-such-model-at-all"), {}])
    await http.post("/v1/events", content=b"{")
    text = (await http.get("/metrics")).text
    for line in (
        'outlay_events_received_total{outcome="accepted"} 2.0',
        'outlay_events_received_total{outcome="duplicate"} 1.0',
        'outlay_events_received_total{outcome="rejected"} 1.0',
        'outlay_ingest_refused_total{problem="malformed-body"} 1.0',
        "outlay_ingest_duration_seconds_count 1.0",
        "outlay_events_unpriced_total 1.0",
        "outlay_queue_events 0.0",
    ):
        assert line in text.splitlines()


class Failing:
    """A publisher that takes nothing in."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def publish(self, org: str, decoded: Decoded, /) -> list[Outcome]:
        raise self.error


FAILURES: list[tuple[Exception, str, str]] = [
    (Busy(7.0), "busy", "7"),
    (Stopped("the server is stopping"), "stopping", "5"),
    (NotCounted("no"), "not-counted", "5"),
    (StoreUnavailable("clickhouse at 10.0.0.1 is away"), "store-unavailable", "5"),
    (StoreFull("disk full"), "store-unavailable", "5"),
]


async def test_when_nothing_is_taken_in_the_sender_learns_when_to_retry(services: Services) -> None:
    for error, kind, wait in FAILURES:
        app = create_app(replace(services, publisher=Failing(error)))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
            answer = await http.post("/v1/events", json=event())
        assert (answer.status_code, answer.headers["retry-after"]) == (503, wait)
        assert answer.json()["type"] == f"urn:outlay:problem:{kind}"
        assert "10.0.0.1" not in answer.text
