"""Delivery with a far end that misbehaves in every way: callers go on, nothing counts twice, nothing safe is lost."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import httpx
import numpy as np
import pytest

import outlay
from outlay._batches import Noted, Progress
from outlay._courier import Courier
from outlay._errors import UndeliveredError
from outlay._recorder import Recorder
from outlay._result import SendResult
from outlay._retry import Retry
from outlay._shape import encoded, shape
from outlay._spool import Spool
from outlay._stats import Notices, Tally
from outlay._transport import MemoryTransport, SpoolTransport
from outlay_schemas.usage import MAX_EVENT_BYTES
from tests.producers.conftest import noted
from tests.producers.far_end import FarEnd, problem

NOWHERE = "http://127.0.0.1:9"
"""The discard port: nothing listens."""

Make = Callable[..., Recorder]


def test_what_is_tracked_arrives_once(far_end: FarEnd, recorder: Make) -> None:
    sdk = recorder(far_end, labels={"app": "search-api"}, source="urn:test")
    for number in range(1_200):
        sdk.note(noted(f"m{number}"))
    assert sdk.flush(30)
    assert far_end.models == [f"m{number}" for number in range(1_200)]
    assert {event["source"] for event in far_end.events.values()} == {"urn:test"}
    assert {event["app"] for event in far_end.events.values()} == {"search-api"}
    assert set(far_end.received.values()) == {1}
    assert (sdk.stats().tracked, sdk.stats().accepted, sdk.stats().waiting) == (1_200, 1_200, 0)


def test_flush_waits_for_what_came_before_it_and_for_nothing_else(far_end: FarEnd, recorder: Make) -> None:
    sdk = recorder(far_end, interval=600.0)
    sdk.note(noted("a"))
    assert sdk.flush(30)
    assert far_end.models == ["a"]
    assert sdk.flush(30)


def test_with_nothing_tracked_there_is_nothing_to_wait_for(recorder: Make) -> None:
    assert recorder(NOWHERE).flush(30)


def test_a_far_end_that_is_not_there_fills_the_spool_and_gets_it_later(
    far_end: FarEnd, recorder: Make, tmp_path: Path
) -> None:
    away = recorder(NOWHERE)
    for number in range(30):
        away.note(noted(f"m{number}"))
    assert away.flush(30)
    assert away.stats().spooled == 30
    away.close(30)
    assert Spool(tmp_path / "spool", 1 << 20).size() > 0
    back = recorder(far_end)
    assert far_end.wait_for(30)
    assert sorted(far_end.models) == sorted(f"m{number}" for number in range(30))
    back.close(30)
    assert back.stats().replayed == 30
    assert Spool(tmp_path / "spool", 1 << 20).size() == 0


@pytest.mark.parametrize(
    "trouble",
    [(503, b""), (429, b"slow down"), (500, b"oops"), (502, b"<html>"), (401, b"{}"), (403, b"{}"), (404, b"{}"),
     (400, b"<html>"), (413, b"<html>"), (422, b"{}"), problem(403, "missing-scope"),
     (200, b"<html>welcome</html>"), (200, b"[]"), (204, b"")],
    ids=lambda trouble: f"{trouble[0]} {trouble[1].decode()[:30]}",
)  # fmt: skip
@pytest.mark.parametrize("spool", [True, False], ids=["spool", "memory"])
def test_events_outlive_trouble(far_end: FarEnd, recorder: Make, trouble: tuple[int, bytes], spool: bool) -> None:
    answers = [trouble] * 3

    def behave(events: list[dict[str, object]]) -> tuple[int, bytes]:
        return answers.pop() if answers else far_end.take(events)

    far_end.behaviour = behave
    sdk = recorder(far_end, spool=spool)
    for number in range(5):
        sdk.note(noted(f"m{number}"))
        sdk.flush(30)
    assert far_end.wait_for(5)
    assert set(far_end.received.values()) == {1}
    assert sdk.stats().dropped == sdk.stats().refused == 0


def test_an_answer_that_got_lost_counts_nothing_twice(far_end: FarEnd, recorder: Make) -> None:
    lost = [503, 500]

    def behave(events: list[dict[str, object]]) -> tuple[int, bytes]:
        status, body = far_end.take(events)
        return (lost.pop(), b"") if lost else (status, body)

    far_end.behaviour = behave
    sdk = recorder(far_end)
    sdk.note(noted("a"))
    assert sdk.flush(30)
    assert far_end.wait_for_requests(3)
    assert far_end.models == ["a"]


def test_a_far_end_that_hangs_stops_neither_callers_nor_the_way_to_disk(far_end: FarEnd, recorder: Make) -> None:
    release = threading.Event()

    def hang(events: list[dict[str, object]]) -> tuple[int, bytes]:
        release.wait(60)
        return far_end.take(events)

    far_end.behaviour = hang
    sdk = recorder(far_end, batch_events=1)
    for number in range(40):
        sdk.note(noted(f"m{number}"))
    assert far_end.wait_for_requests(1)
    assert not sdk.flush(0.05)
    for _ in range(1_200):
        if sdk.stats().spooled >= 30:
            break
        threading.Event().wait(0.05)
    assert sdk.stats().spooled >= 30
    release.set()
    assert sdk.flush(30)
    assert far_end.wait_for(40)
    assert set(far_end.received.values()) == {1}


def test_an_end_of_the_process_with_a_far_end_that_hangs_keeps_all(
    far_end: FarEnd, recorder: Make, tmp_path: Path
) -> None:
    release = threading.Event()
    far_end.behaviour = lambda events: (503, b"") if release.wait(60) else (500, b"")
    sdk = recorder(far_end, batch_events=3)
    for number in range(10):
        sdk.note(noted(f"m{number}"))
    assert far_end.wait_for_requests(1)
    assert not sdk.close(0.05)
    release.set()
    far_end.behaviour = None
    recorder(far_end)
    assert far_end.wait_for(10)
    assert sdk.stats().dropped == 0


def test_without_a_disk_the_end_of_the_process_counts_what_it_loses(recorder: Make) -> None:
    sdk = recorder(NOWHERE, spool=False)
    for number in range(10):
        sdk.note(noted(f"m{number}"))
    assert not sdk.close(0.2)
    assert (sdk.stats().tracked, sdk.stats().dropped, sdk.stats().waiting) == (10, 10, 0)


def test_after_its_end_nothing_is_taken(recorder: Make) -> None:
    sdk = recorder(MemoryTransport())
    sdk.close(1.0)
    sdk.note(noted("late"))
    assert (sdk.stats().tracked, sdk.stats().dropped) == (1, 1)


def test_a_full_buffer_drops_and_counts(recorder: Make, caplog: pytest.LogCaptureFixture) -> None:
    sdk = recorder(NOWHERE, spool=False, buffer_events=50, batch_events=1)
    with caplog.at_level(logging.WARNING, "outlay"):
        for number in range(5_000):
            sdk.note(noted(f"m{number}"))
        sdk.close(0.1)
    stats = sdk.stats()
    assert stats.tracked == stats.dropped == 5_000
    assert sum("buffer was full" in line for line in caplog.messages) == 1


def test_a_full_spool_keeps_in_memory_what_it_can(far_end: FarEnd, recorder: Make) -> None:
    closed = threading.Event()

    def behave(events: list[dict[str, object]]) -> tuple[int, bytes]:
        return far_end.take(events) if closed.is_set() else (503, b"")

    far_end.behaviour = behave
    sdk = recorder(far_end, spool_bytes=2_000, batch_events=2)
    for number in range(40):
        sdk.note(noted(f"m{number}"))
    assert not sdk.flush(0.1)
    assert 0 < sdk.stats().spooled < 40
    closed.set()
    assert sdk.flush(30)
    assert far_end.wait_for(40)
    assert sdk.stats().dropped == 0


def test_a_fault_of_our_own_ends_no_delivery(far_end: FarEnd, recorder: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def append(_body: bytes) -> bool:
        raise RuntimeError("a fault")

    sdk = recorder(far_end)
    far_end.behaviour = lambda _events: (503, b"")
    with monkeypatch.context() as patched:
        patched.setattr(sdk._spool, "append", append)
        sdk.note(noted("first"))
        assert far_end.wait_for_requests(1)
        assert not sdk.flush(0.05)
    far_end.behaviour = None
    sdk.note(noted("second"))
    assert far_end.wait_for(1)
    sdk.close(0.05)
    recorder(far_end)
    assert far_end.wait_for(2)
    assert sorted(far_end.models) == ["first", "second"]


class FewThreads:
    """A system on which starting a thread fails, but for so many."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, most: int) -> None:
        start = threading.Thread.start

        def limited(thread: threading.Thread) -> None:
            if thread.name.startswith("outlay-"):
                if not self.most:
                    raise RuntimeError("can't start new thread")
                self.most -= 1
            start(thread)

        self.most = most
        monkeypatch.setattr(threading.Thread, "start", limited)


@pytest.mark.parametrize("most", [0, 1])
def test_delivery_begins_as_soon_as_threads_can_start(
    far_end: FarEnd, recorder: Make, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    system = FewThreads(monkeypatch, most=most)
    sdk = recorder(far_end)
    sdk.note(noted("first"))
    system.most = 2
    sdk.note(noted("second"))
    assert sdk.flush(30)
    assert far_end.models == ["first", "second"]
    assert sorted(sdk._threads) == ["pack", "send"]


@pytest.mark.parametrize("most", [0, 1])
def test_without_threads_the_end_of_the_process_keeps_all(
    far_end: FarEnd, recorder: Make, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    with monkeypatch.context() as patched:
        FewThreads(patched, most=most)
        sdk = recorder(far_end)
        for number in range(30):
            sdk.note(noted(f"m{number}"))
        assert not sdk.close(0.01)
    assert (sdk.stats().tracked, sdk.stats().spooled, sdk.stats().waiting) == (30, 30, 0)
    recorder(far_end)
    assert far_end.wait_for(30)


def test_what_is_too_large_is_halved_until_the_culprit_stands_alone(far_end: FarEnd, recorder: Make) -> None:
    def behave(events: list[dict[str, object]]) -> tuple[int, bytes]:
        return (
            problem(413, "body-too-large") if any(event["model"] == "m13" for event in events) else far_end.take(events)
        )

    far_end.behaviour = behave
    sdk = recorder(far_end, interval=600.0)
    for number in range(20):
        sdk.note(noted(f"m{number}"))
    assert sdk.flush(30)
    assert sorted(far_end.models) == sorted(f"m{number}" for number in range(20) if number != 13)
    assert (sdk.stats().accepted, sdk.stats().refused) == (19, 1)


def test_the_word_of_something_else_at_the_address_costs_no_event(far_end: FarEnd, recorder: Make) -> None:
    far_end.behaviour = lambda _events: (400, b"<html>400 The plain HTTP request was sent to HTTPS port</html>")
    sdk = recorder(far_end, interval=600.0)
    for number in range(40):
        sdk.note(noted(f"m{number}"))
    assert sdk.flush(30)
    assert (sdk.stats().spooled, sdk.stats().refused) == (40, 0)
    far_end.behaviour = None
    assert far_end.wait_for(40)


def test_a_proxy_that_takes_less_at_once_gets_less_at_once(far_end: FarEnd, recorder: Make) -> None:
    def behave(events: list[dict[str, object]]) -> tuple[int, bytes]:
        return (413, b"<html>") if len(events) > 3 else far_end.take(events)

    far_end.behaviour = behave
    sdk = recorder(far_end, interval=600.0)
    for number in range(20):
        sdk.note(noted(f"m{number}"))
    assert sdk.flush(30)
    assert set(far_end.received.values()) == {1}
    assert sdk.stats().accepted == 20


def test_what_the_server_refuses_is_counted_and_told_once(
    far_end: FarEnd, recorder: Make, caplog: pytest.LogCaptureFixture
) -> None:
    def behave(events: list[dict[str, object]]) -> tuple[int, bytes]:
        rows = [
            {"index": index, "id": event["id"], "outcome": "rejected", "pointer": "/time", "reason": "too far ahead"}
            for index, event in enumerate(events)
        ]
        return 200, json.dumps(
            {"accepted": 0, "duplicate": 0, "conflict": 0, "rejected": len(rows), "events": rows}
        ).encode()

    far_end.behaviour = behave
    sdk = recorder(far_end)
    with caplog.at_level(logging.WARNING, "outlay"):
        for number in range(10):
            sdk.note(noted(f"m{number}"))
            sdk.flush(30)
    assert sdk.stats().refused == 10
    assert [line for line in caplog.messages if "/time: too far ahead" in line] == caplog.messages


@pytest.mark.parametrize(
    "wrong",
    [
        {"quantities": {"input_tokens": -1}}, {"quantities": {"input_tokens": float("nan")}}, {"quantities": None},
        {"quantities": {"Input": 1}}, {"model": ""}, {"provider": None}, {"colour": "red"}, {"time": "yesterday"},
        {"quantities": {"input_tokens": True}}, {"provider_cost": object()}, {"id": ""},
    ],
)  # fmt: skip
def test_what_is_no_event_is_counted_told_once_and_costs_no_others(
    recorder: Make, caplog: pytest.LogCaptureFixture, wrong: dict[str, object]
) -> None:
    kept = MemoryTransport()
    sdk = recorder(kept)
    with caplog.at_level(logging.WARNING, "outlay"):
        for number in range(3):
            sdk.note({**noted("bad"), **wrong})
            sdk.note(noted(f"m{number}"))
        assert sdk.flush(30)
    models = [json.loads(line)["model"] for line in kept.lines]
    expected_invalid = 0 if wrong == {"quantities": None} else 3
    assert [model for model in models if model != "bad"] == ["m0", "m1", "m2"]
    assert sdk.stats().invalid == expected_invalid
    assert len(caplog.messages) == bool(expected_invalid)


def test_labels_that_do_not_fit_cost_no_event(recorder: Make) -> None:
    kept = MemoryTransport()
    sdk = recorder(kept)
    tags = {f"tag{number}": "x" for number in range(40)}
    sdk.note(noted("a", user="u" * 300, team="two\nlines", tags={**tags, "tag0": 7, "tag1": None}))
    assert sdk.flush(30)
    (event,) = [json.loads(line) for line in kept.lines]
    assert (event["user"], event["team"]) == ("u" * 256, "two lines")
    assert len(event["tags"]) == 32
    assert (event["tags"]["tag0"], "tag1" in event["tags"]) == ("7", False)


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({"user": ""}, {}), ({"team": "", "env": Unspeakable()}, {}), ({"operation": "", "request_id": ""}, {}),
        ({"tags": 3}, {}), ({"tags": {"t" * 300: "x", "": "y", "z": ""}}, {"tags": {"t" * 256: "x", "z": ""}}),
        ({"tags": {"a\nb": 1}}, {"tags": {"a b": "1"}}), ({"user": "a\ud800b"}, {"user": "a b"}),
        ({"latency_ms": 812.4, "ttft_ms": np.int64(7)}, {"latency_ms": 812, "ttft_ms": 7}),
        ({"latency_ms": np.float32(2.6)}, {"latency_ms": 3}), ({"latency_ms": -1, "ttft_ms": float("nan")}, {}),
        ({"latency_ms": "soon", "ttft_ms": float("inf")}, {}), ({"latency_ms": 2**40}, {}),
    ],
)  # fmt: skip
def test_what_only_describes_a_use_never_costs_its_count(told: dict[str, object], found: dict[str, object]) -> None:
    event = shape(Noted(0.0, {}, noted("a", **told)), source="s", labels={})
    assert {name: value for name, value in event.items() if name not in {"id", "source", "time", *noted("a")}} == found


def test_an_empty_label_says_nothing_so_the_one_further_out_holds(recorder: Make) -> None:
    kept = MemoryTransport()
    sdk = recorder(kept, labels={"team": "search", "env": ""})
    with outlay.scope(user="u-17", experiment="b"), outlay.scope(user="", team="", experiment=""):
        sdk.note(noted("a", team=""))
    assert sdk.flush(30)
    (event,) = [json.loads(line) for line in kept.lines]
    assert (event["user"], event["team"], "env" in event) == ("u-17", "search", False)
    assert event["tags"] == {"experiment": "b"}


def test_of_too_many_tags_the_innermost_stay(recorder: Make) -> None:
    kept = MemoryTransport()
    sdk = recorder(kept, labels={f"process{number}": "x" for number in range(30)})
    with outlay.scope(**{f"outer{number}": "x" for number in range(10)}), outlay.scope(outer9="inner", job="j"):
        sdk.note(noted("a", tags={f"own{number}": "x" for number in range(25)}))
    assert sdk.flush(30)
    (event,) = [json.loads(line) for line in kept.lines]
    own = {f"own{number}": "x" for number in range(25)}
    outer = {f"outer{number}": "x" for number in range(5)}
    assert event["tags"] == {**own, "outer9": "inner", "job": "j", **outer}


def test_tags_too_large_for_an_event_are_cut_from_the_outermost() -> None:
    tags = {f"{number:02}" + chr(0x1F600) * 254: chr(0x1F600) * 256 for number in range(32)}
    line = encoded(Noted(0.0, {}, noted("a", tags=tags)), source="s", labels={})
    assert len(line) <= MAX_EVENT_BYTES
    assert list(json.loads(line)["tags"]) == list(tags)[: len(json.loads(line)["tags"])]


@pytest.mark.parametrize(
    ("given", "exact"), [(np.float64(1.5), "1.5"), (np.float32(0.25), "0.25"), (np.int64(3), "3")], ids=repr
)
def test_numbers_of_numpy_are_numbers(given: object, exact: str) -> None:
    event = shape(Noted(0.0, {}, noted("a", quantities={"audio_seconds": given})), source="s", labels={})
    assert Decimal(event["quantities"]["audio_seconds"]) == Decimal(exact)


def test_trouble_that_ends_is_told_and_may_be_told_again(
    far_end: FarEnd, recorder: Make, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [503, 503, 200, 503]

    def behave(events: list[dict[str, object]]) -> tuple[int, bytes]:
        status = answers.pop(0) if answers else 200
        return far_end.take(events) if status == 200 else (status, b"")

    far_end.behaviour = behave
    sdk = recorder(far_end, spool=False)
    with caplog.at_level(logging.WARNING, "outlay"):
        sdk.note(noted("a"))
        assert sdk.flush(30)
        sdk.note(noted("b"))
        assert sdk.flush(30)
    told = ["cannot be delivered" in line for line in caplog.messages]
    assert told == [True, False, True, False]


def test_the_server_is_left_alone_as_long_as_it_asks() -> None:
    class Busy(MemoryTransport):
        def send(self, _body: bytes, _events: int, /) -> SendResult:
            raise UndeliveredError("busy", retry_after=7.0)

    now = [100.0]
    retry = Retry(first=1.0, draw=lambda: 0.0)
    parts = {"progress": Progress(), "tally": Tally(), "notices": Notices(), "retry": retry, "clock": lambda: now[0]}
    courier = Courier(Busy(), None, batch_events=5, **parts)  # type: ignore[arg-type]
    assert not courier._sent(b"{}", 1)
    assert courier._until_replay() == 7.0


def test_a_transport_that_asks_for_ever_ends_no_delivery(far_end: FarEnd, recorder: Make) -> None:
    class Busy(MemoryTransport):
        def send(self, body: bytes, events: int, /) -> SendResult:
            asked.set()
            raise UndeliveredError("busy", retry_after=1e12)

    asked = threading.Event()
    sdk = recorder(Busy())
    sdk.note(noted("a"))
    assert sdk.flush(30)
    assert asked.is_set()
    sdk.note(noted("b"))
    assert sdk.flush(30)
    assert sdk.stats().spooled == 2
    assert [thread.is_alive() for thread in sdk._threads.values()] == [True, True]
    sdk.close(30)
    recorder(far_end)
    assert far_end.wait_for(2)


def test_the_spool_alone_is_a_transport_for_another_process_to_send_on(
    far_end: FarEnd, recorder: Make, tmp_path: Path
) -> None:
    offline = recorder(SpoolTransport(Spool(tmp_path / "spool", 1 << 20)), spool=False)
    for number in range(10):
        offline.note(noted(f"m{number}"))
    assert offline.close(30)
    assert offline.stats().accepted == 10
    recorder(far_end)
    assert far_end.wait_for(10)


def test_several_recorders_share_a_spool_and_send_each_event_once(
    far_end: FarEnd, recorder: Make, tmp_path: Path
) -> None:
    for process in range(4):
        away = recorder(NOWHERE)
        for number in range(20):
            away.note(noted(f"m{process}-{number}"))
        away.close(30)
    everyone = [recorder(far_end) for _ in range(3)]
    assert far_end.wait_for(80)
    for each in everyone:
        assert each.close(30)
    assert set(far_end.received.values()) == {1}


def test_the_client_says_how_long_the_server_asked_to_be_left_alone() -> None:
    answer = httpx.MockTransport(lambda _request: httpx.Response(503, headers={"retry-after": "11"}))
    with outlay.Client("http://intake.test", retry=outlay.Retry(attempts=1), transport=answer) as client:
        with pytest.raises(outlay.UndeliveredError) as failure:
            client.send_ndjson(b"{}")
        assert failure.value.retry_after == 11.0
