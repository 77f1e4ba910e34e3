"""The HTTP client: what it sends, when it tries again, what it tells."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest

import outlay
from outlay._retry import asked_wait

EVENT = {
    "id": "a",
    "time": "2026-11-24T10:00:00Z",
    "provider": "openai",
    "model": "gpt-4o",
    "quantities": {"input_tokens": 1},
}


class Intake:
    """An intake that answers as told, then accepts everything."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.bodies: list[list[dict[str, object]]] = []
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        events = [json.loads(line) for line in request.content.splitlines()]
        self.bodies.append(events)
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        return answered(accepted=len(events))


def answered(*, accepted: int, events: tuple[dict[str, object], ...] = ()) -> httpx.Response:
    counts = {
        verdict: sum(row["outcome"] == verdict for row in events) for verdict in ("duplicate", "conflict", "rejected")
    }
    return httpx.Response(200, json={"accepted": accepted, **counts, "events": list(events)})


def client(intake: Intake, key: str | None = None, **retry: object) -> outlay.Client:
    quick = outlay.Retry(**{"first": 0.0, "draw": lambda: 0.0, **retry})  # type: ignore[arg-type]
    return outlay.Client("http://intake.test", key, retry=quick, transport=httpx.MockTransport(intake))


def busy(after: str | None = None, status: int = 503) -> httpx.Response:
    return httpx.Response(status, headers={} if after is None else {"Retry-After": after})


def test_sends_ndjson_with_the_key_and_a_name() -> None:
    intake = Intake()
    with client(intake, key="out_live_x") as sender:
        sender.send([EVENT])
    request = intake.requests[0]
    assert request.url.path == "/v1/events"
    assert request.headers["content-type"] == "application/x-ndjson"
    assert request.headers["authorization"] == "Bearer out_live_x"
    assert request.headers["user-agent"].startswith("outlay-python/")
    assert intake.bodies == [[EVENT]]


def test_models_and_python_values_become_json() -> None:
    intake = Intake()
    event = outlay.UsageEvent(
        id="m",
        time=datetime(2026, 11, 24, tzinfo=UTC),
        provider="p",
        model="m",
        quantities={"audio_seconds": Decimal("1.250")},
    )
    mapping = {**EVENT, "time": datetime(2026, 11, 24, tzinfo=UTC), "quantities": {"pages": Decimal("0.000000001")}}
    client(intake).send([event, mapping])
    (first, second) = intake.bodies[0]
    assert (first["id"], first["time"]) == ("m", "2026-11-24T00:00:00Z")
    assert Decimal(str(first["quantities"]["audio_seconds"])) == Decimal("1.25")  # type: ignore[index]
    assert second["quantities"] == {"pages": "0.000000001"}
    assert second["time"] == "2026-11-24T00:00:00+00:00"


def test_a_value_without_json_form_is_named() -> None:
    with pytest.raises(TypeError, match=r"an event cannot hold .*timedelta"):
        client(Intake()).send([{**EVENT, "time": timedelta(1)}])


def test_tells_what_became_of_each_event_in_the_order_sent() -> None:
    rejected = {"index": 2, "id": "c", "outcome": "rejected", "pointer": "/time", "reason": "no time"}
    intake = Intake(answered(accepted=1, events=({"index": 1, "id": "b", "outcome": "duplicate"}, rejected)))
    result = client(intake).send([{**EVENT, "id": name} for name in "abc"])
    assert [outcome.verdict for outcome in result.outcomes] == ["accepted", "duplicate", "rejected"]
    assert (result.accepted, result.duplicate, result.conflict, result.rejected) == (1, 1, 0, 1)
    assert list(result.refused()) == [(2, outlay.Outcome(outlay.Verdict.REJECTED, "c", "/time", "no time"))]


@pytest.mark.parametrize(
    "trouble", [busy(), busy(status=429), busy(status=502), httpx.ConnectError("refused"), httpx.ReadTimeout("slow")]
)
def test_tries_again_with_the_same_ids(trouble: httpx.Response | Exception) -> None:
    intake = Intake(trouble, trouble)
    result = client(intake).send([{name: value for name, value in EVENT.items() if name != "id"}])
    assert result.accepted == 1
    assert len(intake.bodies) == 3
    assert intake.bodies[0] == intake.bodies[1] == intake.bodies[2]
    assert intake.bodies[0][0]["id"]


def test_splits_into_batches_and_joins_the_outcomes() -> None:
    intake = Intake()
    result = client(intake).send(({**EVENT, "id": str(n)} for n in range(7)), batch=3)
    assert [len(body) for body in intake.bodies] == [3, 3, 1]
    assert len(result) == 7


def test_gives_up_with_everything_needed_to_go_on() -> None:
    intake = Intake(answered(accepted=2), busy(), busy())
    with pytest.raises(outlay.UndeliveredError, match=r"503 Service Unavailable \(2 attempt") as failure:
        client(intake, attempts=2).send(({**EVENT, "id": str(n)} for n in range(5)), batch=2)
    assert failure.value.result.accepted == 2
    assert [event["id"] for event in failure.value.unsent] == ["2", "3", "4"]


def test_a_refusal_is_final_and_says_why() -> None:
    problem = {
        "type": "urn:outlay:problem:missing-scope",
        "title": "Forbidden",
        "status": 403,
        "detail": "needs ingest",
    }
    intake = Intake(httpx.Response(403, json=problem, headers={"content-type": "application/problem+json"}))
    with pytest.raises(outlay.RefusedError, match="403 Forbidden: needs ingest") as failure:
        client(intake).send([EVENT])
    assert failure.value.status == 403
    assert failure.value.problem == problem
    assert len(intake.bodies) == 1


@pytest.mark.parametrize(
    "answer", [httpx.Response(400, html="<h1>No</h1>"), httpx.Response(400, json={"type": "urn:outlay:problem:x"})]
)
def test_what_is_no_problem_document_is_not_taken_for_one(answer: httpx.Response) -> None:
    with pytest.raises(outlay.RefusedError, match="400 Bad Request") as failure:
        client(Intake(answer)).send([EVENT])
    assert failure.value.problem == {}


def test_a_refusal_half_way_keeps_the_ids_of_what_is_left() -> None:
    intake = Intake(answered(accepted=2), httpx.Response(401, json={"title": "Unauthorized"}))
    nameless = [{name: value for name, value in EVENT.items() if name != "id"}] * 5
    with pytest.raises(outlay.RefusedError) as failure:
        client(intake).send(nameless, batch=2)
    assert failure.value.result.accepted == 2
    assert [event["id"] for event in failure.value.unsent][:2] == [event["id"] for event in intake.bodies[1]]
    assert len(failure.value.unsent) == 3


@pytest.mark.parametrize("body", ["[]", "{}", '{"accepted": 1}', "null"])
def test_an_answer_of_something_else_is_no_success(body: str) -> None:
    with pytest.raises(ValueError, match="no answer of an Outlay intake"):
        client(Intake(httpx.Response(200, text=body))).send([EVENT])


def test_nothing_to_send_sends_nothing() -> None:
    intake = Intake()
    assert len(client(intake).send([])) == 0
    assert intake.bodies == []


async def test_the_asynchronous_client_does_the_same() -> None:
    intake = Intake(busy(), answered(accepted=2), httpx.ConnectError("gone"), httpx.ConnectError("gone"))
    transport = httpx.MockTransport(intake)
    retry = outlay.Retry(attempts=2, first=0.0)
    async with outlay.AsyncClient("http://intake.test", retry=retry, transport=transport) as sender:
        assert (await sender.send([{**EVENT, "id": str(n)} for n in range(2)])).accepted == 2
        with pytest.raises(outlay.UndeliveredError) as failure:
            await sender.send([EVENT])
    assert list(failure.value.unsent) == [EVENT]


class TestRetry:
    def draws(self, value: float) -> Callable[[], float]:
        return lambda: value

    def test_waits_up_to_twice_as_long_each_time_within_a_bound(self) -> None:
        retry = outlay.Retry(first=0.5, longest=3.0, draw=self.draws(1.0))
        assert [retry.wait(attempt, None) for attempt in range(1, 6)] == [0.5, 1.0, 2.0, 3.0, 3.0]

    def test_full_jitter_reaches_down_to_nothing(self) -> None:
        assert outlay.Retry(draw=self.draws(0.0)).wait(5, None) == 0.0

    def test_never_comes_back_before_the_time_asked_for(self) -> None:
        assert outlay.Retry(draw=self.draws(0.0)).wait(1, 7.0) == 7.0

    def test_reads_seconds_and_dates(self) -> None:
        noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
        assert asked_wait("3", lambda: noon) == 3.0
        assert asked_wait("Tue, 24 Nov 2026 12:00:30 GMT", lambda: noon) == 30.0
        assert asked_wait("Tue, 24 Nov 2026 11:00:00 GMT", lambda: noon) == 0.0
        assert asked_wait("soon", lambda: noon) is None
        assert asked_wait("nan", lambda: noon) is None
        assert asked_wait(None, lambda: noon) is None

    @pytest.mark.parametrize("asked", ["99999999999", "1e400", "inf", "Fri, 31 Dec 9999 23:59:59 GMT"])
    def test_an_hour_is_the_longest_a_server_is_left_alone(self, asked: str) -> None:
        assert asked_wait(asked) == 3600.0
