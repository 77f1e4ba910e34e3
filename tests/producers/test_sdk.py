"""`import outlay` in a service: init, track, scope, flush, the off switch and the test mode."""

from __future__ import annotations

import asyncio
import gc
import threading
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import outlay
from outlay._sdk import PROCESS
from outlay._settings import read_settings
from outlay._transport import MemoryTransport
from tests.producers.far_end import FarEnd


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def test_one_line_and_usage_arrives(far_end: FarEnd) -> None:
    outlay.init(server=far_end.url, api_key="out_live_x", app="search-api", team="search")
    with outlay.scope(project="ranking", user="u-17", experiment=42):
        outlay.track("openai", "gpt-5-mini", {"input_tokens": 386, "output_tokens": 92}, latency_ms=812)
    assert outlay.flush()
    (event,) = far_end.events.values()
    at = datetime.fromisoformat(event.pop("time"))
    assert abs((datetime.now(UTC) - at).total_seconds()) < 600
    assert len(event.pop("id")) == 32
    assert event == {
        "source": "urn:outlay:sdk:search-api",
        "provider": "openai",
        "model": "gpt-5-mini",
        "quantities": {"input_tokens": 386, "output_tokens": 92},
        "app": "search-api",
        "team": "search",
        "project": "ranking",
        "user": "u-17",
        "tags": {"experiment": "42"},
        "latency_ms": 812,
    }
    assert far_end.keys == {"Bearer out_live_x"}
    assert outlay.stats().accepted == 1


async def test_flushes_without_blocking_the_loop(far_end: FarEnd) -> None:
    outlay.init(server=far_end.url)
    outlay.track("openai", "m", {"input_tokens": 1})
    ticks = asyncio.create_task(asyncio.sleep(0))
    assert await outlay.aflush()
    await ticks
    assert far_end.models == ["m"]


def test_before_init_nothing_happens() -> None:
    PROCESS.put(None)
    outlay.track("openai", "m", {"input_tokens": 1})
    assert outlay.flush()
    assert outlay.stats() == outlay.Stats()


def test_off_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTLAY_SDK", "off")
    outlay.init(server="http://127.0.0.1:9")
    outlay.track("openai", "m", {"input_tokens": 1})
    assert outlay.stats().tracked == 0


def test_arguments_win_over_the_environment_and_say_whose(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"OUTLAY_SERVER": "http://a", "OUTLAY_KEY": "k", "OUTLAY_TEAM": "search", "OUTLAY_APP": "api",
               "OUTLAY_SDK": "test", "OUTLAY_TIMEOUT": "2.5", "OUTLAY_SPOOL": "off"}  # fmt: skip
    settings = read_settings(environ, server="http://b", labels={"team": "ads"})
    assert (settings.server, settings.api_key, settings.mode, settings.timeout) == ("http://b", "k", "test", 2.5)
    assert settings.labels == {"team": "ads", "app": "api"}
    assert settings.source == "urn:outlay:sdk:api"
    assert settings.spool is None


def test_a_process_without_a_network_leaves_delivery_to_another(far_end: FarEnd, tmp_path: Path) -> None:
    outlay.init(server=far_end.url, api_key="k", spool=tmp_path, transport="spool", app=None)
    outlay.track("openai", "offline", {"input_tokens": 1})
    assert outlay.flush()
    assert (outlay.stats().accepted, far_end.requests) == (1, 0)
    outlay.init(server=far_end.url, api_key="k", spool=tmp_path)
    assert far_end.wait_for(1)
    assert far_end.models == ["offline"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"transport": "pigeon"}, "transport is 'pigeon'"), ({"transport": "spool", "spool": "off"}, "name a folder")],
)
def test_a_way_that_leads_nowhere_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        outlay.init(**wrong)


def test_the_key_that_opens_the_server_is_never_the_name_of_a_providers_key() -> None:
    settings = read_settings({"OUTLAY_KEY": "secret", "OUTLAY_PROVIDER_KEY": "openai-prod"})
    assert settings.labels == {"key": "openai-prod"}
    assert read_settings({"OUTLAY_KEY": "secret"}).labels == {}


def test_a_variable_that_cannot_be_read_stops_no_service(caplog: pytest.LogCaptureFixture) -> None:
    settings = read_settings({"OUTLAY_TIMEOUT": "soon", "OUTLAY_SDK": "maybe", "OUTLAY_BATCH_EVENTS": "-3"})
    assert (settings.timeout, settings.mode, settings.batch_events) == (10.0, "on", 500)
    assert len(caplog.messages) == 3


def test_an_argument_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="mode is 'loud'; use one of on, off, test"):
        outlay.init(mode="loud")  # type: ignore[arg-type]


def test_a_key_is_not_shown() -> None:
    assert "secret" not in repr(read_settings({"OUTLAY_KEY": "secret"}))


def test_what_was_meant_for_one_server_or_key_is_never_sent_to_another(far_end: FarEnd, tmp_path: Path) -> None:
    outlay.init(server="http://127.0.0.1:9", api_key="a", spool=tmp_path)
    outlay.track("openai", "m", {"input_tokens": 1})
    assert outlay.flush()
    outlay.init(server=far_end.url, api_key="b", spool=tmp_path)
    outlay.track("openai", "other", {"input_tokens": 1})
    assert outlay.flush()
    assert far_end.models == ["other"]


def test_no_disk_when_told_so(far_end: FarEnd, tmp_path: Path) -> None:
    outlay.init(server="http://127.0.0.1:9", spool="off")
    outlay.track("openai", "m", {"input_tokens": 1})
    assert not outlay.flush(0.05)
    assert not list(tmp_path.iterdir())


def test_track_never_raises(caplog: pytest.LogCaptureFixture) -> None:
    outlay.init(mode="test")
    for _ in range(3):
        outlay.track("openai", "m", 7)  # type: ignore[arg-type]
        outlay.track(None, None, {}, nonsense=object())  # type: ignore[arg-type,call-arg]
    assert outlay.flush()
    assert outlay.stats().invalid == 3
    assert len(caplog.messages) == 2


def test_later_changes_to_what_was_tracked_change_nothing() -> None:
    with outlay.testing.capture() as usage:
        quantities = {"input_tokens": 1}
        outlay.track("openai", "m", quantities)
        quantities["input_tokens"] = 9
        assert usage.events[0].quantities == {"input_tokens": 1}


class TestCapture:
    def test_shows_events_and_sends_nothing(self, far_end: FarEnd) -> None:
        outlay.init(server=far_end.url)
        with outlay.testing.capture(app="a") as usage, outlay.scope(team="search"):
            outlay.track(
                "openai",
                "m",
                {"audio_seconds": 1.25, "gpu_seconds": 0.1 + 0.2},
                id="call-1",
                provider_cost=Decimal("0.5"),
            )
            (event,) = usage.events
        assert (event.id, event.team, event.app) == ("call-1", "search", "a")
        assert event.quantities == {"audio_seconds": Decimal("1.25"), "gpu_seconds": Decimal("0.3")}
        assert usage.stats.accepted == 1
        outlay.track("openai", "after", {"input_tokens": 1})
        assert outlay.flush()
        assert far_end.models == ["after"]

    def test_sees_every_thread(self) -> None:
        with outlay.testing.capture() as usage:
            threads = [
                threading.Thread(target=outlay.track, args=("openai", f"m{number}", {"input_tokens": 1}))
                for number in range(20)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert sorted(event.model for event in usage.events) == sorted(f"m{number}" for number in range(20))

    def test_fails_on_what_is_no_event(self) -> None:
        with outlay.testing.capture() as usage:
            outlay.track("openai", "m", {"input_tokens": -1})
            with pytest.raises(AssertionError, match=r"1 event\(s\) are not valid"):
                _ = usage.events


def test_a_transport_of_ones_own_takes_the_place_of_the_network() -> None:
    kept = MemoryTransport()
    outlay.init(transport=kept, spool="off")
    outlay.track("openai", "m", {"input_tokens": 1})
    assert outlay.flush()
    assert len(kept.lines) == 1


def test_a_spool_folder_is_its_own_for_server_and_key(tmp_path: Path) -> None:
    one = read_settings({}, server="http://a", api_key="k", spool=tmp_path).spool_folder()
    other = read_settings({}, server="http://a", api_key="l", spool=tmp_path).spool_folder()
    assert one is not None
    assert one != other


def test_a_finalizer_may_track_in_the_middle_of_anything() -> None:
    class Garbage:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            outlay.track("openai", "finalized", {"input_tokens": 1})

    before = gc.get_threshold()
    with outlay.testing.capture() as usage:
        gc.set_threshold(1, 1, 1)
        try:
            for _ in range(300):
                Garbage()
                outlay.track("openai", "m", {"input_tokens": 1})
        finally:
            gc.set_threshold(*before)
        gc.collect()
        assert sorted({event.model for event in usage.events}) == ["finalized", "m"]
        assert usage.stats.accepted == 600
