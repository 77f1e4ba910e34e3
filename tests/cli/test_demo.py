"""The demonstration: traffic that is seeded, valid where it should be, and counted to the last event."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from rich.console import Console

from outlay import SendResult, UsageEvent
from outlay_api.cli.demo_view import DemoView
from outlay_api.demo.feed import Counts
from outlay_api.demo.ledger import Ledger
from outlay_api.demo.rhythm import Market, Rhythm
from outlay_api.demo.traffic import Sent, disturbed, fresh
from outlay_api.demo.visibility import Visibility
from outlay_api.demo.world import UNKNOWN_MODEL, catalog_text, traffic
from outlay_schemas.outcome import ACCEPTED
from outlay_streams.catalog import read_catalog
from tests.cli.conftest import Cli

START = datetime(2026, 10, 1, tzinfo=UTC)
END = datetime(2026, 11, 24, 20, 17, tzinfo=UTC)


def sent(count: int, seed: int = 7) -> list[dict[str, Any]]:
    """Return what the demonstration would send as its history."""
    return list(islice(disturbed(traffic(seed).history(START, END, fresh(count) + 1)), count))


@pytest.fixture(scope="module")
def history() -> list[dict[str, Any]]:
    return sent(4_000)


def test_the_same_seed_gives_the_same_events(history: list[dict[str, Any]]) -> None:
    assert sent(4_000) == history
    assert sent(4_000, seed=8) != history


def test_everything_but_the_marked_ones_is_valid_json(history: list[dict[str, Any]]) -> None:
    invalid = 0
    for event in history:
        try:
            UsageEvent.model_validate_json(json.dumps(event))
        except ValidationError:
            invalid += 1
    assert invalid == sum(Sent.at(position) is Sent.INVALID for position in range(1, 4_001)) == 16


def test_repeats_and_conflicts_are_as_many_as_promised(history: list[dict[str, Any]]) -> None:
    seen: dict[tuple[str, str], dict[str, Any]] = {}
    repeats = conflicts = 0
    for event in history:
        key = (event["source"], event["id"])
        if key in seen:
            repeats += seen[key] == event
            conflicts += seen[key] != event
        seen.setdefault(key, event)
    assert (repeats, conflicts) == (80, 8)


def test_an_id_is_enough_to_find_an_event(history: list[dict[str, Any]]) -> None:
    sources: dict[str, set[str]] = {}
    for event in history:
        sources.setdefault(event["id"], set()).add(event["source"])
    assert all(len(found) == 1 for found in sources.values())


def test_it_has_what_a_real_company_has(history: list[dict[str, Any]]) -> None:
    units = {unit for event in history for unit in event["quantities"]}
    assert {"input_tokens", "audio_seconds", "images", "gpu_seconds", "seats", "input_document_pages"} <= units
    assert {"cached_input_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "reasoning_tokens"} <= units
    assert {"batch", "flex"} <= {event.get("service_tier") for event in history}
    assert any(str(event.get("model")).endswith(":free") for event in history)
    assert any(context(event) > 200_000 for event in history)
    assert any(event.get("outcome") == "error" for event in history)
    assert len({event["provider"] for event in history}) >= 8
    assert any(event.get("model") == UNKNOWN_MODEL for event in history)
    times = [event["time"] for event in history if event["time"] != "yesterday"]
    late = sum(
        time < newest for time, newest in zip(times[1:], islice(running_maximum(times), len(times)), strict=False)
    )
    assert late > 20


def context(event: dict[str, Any]) -> int:
    units = ("input_tokens", "cached_input_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
    return sum(event["quantities"].get(unit, 0) for unit in units)


def test_a_larger_company_has_more_seats_and_the_newest_days_are_the_busiest(history: list[dict[str, Any]]) -> None:
    def seats(events: list[dict[str, Any]]) -> int:
        return sum(event["quantities"].get("seats", 0) for event in events)

    assert seats(sent(40_000)) > 4 * seats(history) > 0
    days = Counter(event["time"][:10] for event in history)
    assert sum(days[f"2026-11-{day:02}"] for day in range(17, 24)) > 4 * sum(
        days[f"2026-10-{day:02}"] for day in range(6, 13)
    )


def running_maximum(times: list[str]) -> list[str]:
    newest = ""
    return [newest := max(newest, time) for time in times]


def test_work_follows_the_clock_of_those_who_work(history: list[dict[str, Any]]) -> None:
    zone = ZoneInfo("Asia/Kolkata")
    hours = Counter(
        datetime.fromisoformat(event["time"]).astimezone(zone).hour
        for event in history
        if event["source"].endswith(":code-review-bot") and event["time"] != "yesterday"
    )
    assert sum(hours[hour] for hour in range(9, 18)) > 4 * sum(hours[hour] for hour in range(6))


def test_a_weekend_is_quiet_in_an_office() -> None:
    monday, saturday = (datetime(2026, 11, day, 10, tzinfo=UTC) for day in (23, 21))
    levels = Market("x", "UTC").levels
    assert levels(Rhythm.OFFICE, saturday, 1)[0] < levels(Rhythm.OFFICE, monday, 1)[0] / 10


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 400), st.integers(1, 80 * 60), st.integers(0, 2**32))
def test_any_stretch_has_as_many_events_as_asked_and_none_outside(count: int, minutes: int, seed: int) -> None:
    end = START + timedelta(minutes=minutes)
    events = traffic(seed).between(START, end, count)
    assert len(events) == count
    assert all(datetime.fromisoformat(event["time"]) < end for event in events)
    assert len({event["id"] for event in events}) == count


@pytest.mark.parametrize("count", [1, 49, 50, 77, 123, 1_000])
def test_the_count_includes_the_disturbances(count: int) -> None:
    assert len(sent(count)) == count


def test_the_catalog_is_one_file_that_can_be_read() -> None:
    catalog = read_catalog(catalog_text().encode())
    assert len({team.business_unit for team in catalog.teams}) == 3
    for above in Path(__file__).resolve().parents:
        if (above / "examples").is_dir():
            assert (above / "examples" / "catalog.yaml").read_text() == catalog_text()
            return
    pytest.fail("examples/catalog.yaml is missing")


def test_once_reports_and_ends_in_0_only_when_all_is_accounted_for(cli: Cli) -> None:
    ran = cli("demo", "--once", "--events", "700", "--data", "demo")
    assert ran.code == 0
    assert "Events received on" in ran.out
    assert "every sum agrees" in ran.out
    assert "every one of 700 events is accounted for" in ran.err
    assert "(unallocated)" in ran.out
    again = cli("demo", "--once", "--events", "700", "--data", "demo")
    assert again.code == 0
    assert "every one of 1,400 events is accounted for" in again.err


class Silent:
    """An API whose answers are those of a ledger with one call."""

    def __init__(self) -> None:
        self.entries = 0

    async def get(self, path: str, **parameters: Any) -> Any:
        if path == "/v1/events":
            entry = {"id": "a-1", "time": "2026-11-24T10:00:00Z", "team": "search", "model": "m", "amount": "0.0012"}
            return {"data": [entry, {**entry, "amount": None}]}
        if path == "/v1/conservation":
            sums = {"received": 3, "counted": 2, "duplicate": 1, "conflict": 0, "rejected": 0, "pending": 0}
            return {"balanced": True, "totals": sums}
        totals = {"amount": "12.5", "calls": 2, "entries": self.entries}
        row = {"business_unit": "consumer", "team": "search", "provider": "openai", "model": "unknown-1", **totals}
        return {"data": [row], "totals": totals}


async def shown(width: int, height: int) -> list[str]:
    api = Silent()
    api.entries = 2
    ledger = Ledger(api=api)
    visibility = Visibility(ledger=ledger, counts=Counts(), baseline=0)
    view = DemoView(url="http://127.0.0.1:8321", program="outlay", counts=visibility.counts, visibility=visibility)
    snapshot = await ledger.snapshot()
    assert "unknown-1" in view.line(snapshot, 0.0)
    console = Console(width=width, height=height, color_system=None, force_terminal=True)
    with console.capture() as capture:
        console.print(view.screen(snapshot, 0.0))
    return capture.get().splitlines()


async def test_the_screen_tells_money_lag_gaps_and_what_to_try() -> None:
    text = "\n".join(await shown(80, 40))
    for told in (
        "http://127.0.0.1:8321/docs",
        "http://127.0.0.1:8321/metrics",
        "today USD",
        "12.50",
        "0.0012",
        "2 entries of openai unknown-1: true spend is higher",
        "3 received = 2 counted + 1 duplicate",
        "export OUTLAY_SERVER=http://127.0.0.1:8321",
        "outlay explain a-1",
    ):
        assert told in text


async def test_a_low_screen_keeps_the_money_and_the_account() -> None:
    assert all(len(line) <= 80 for line in await shown(80, 24))
    low = await shown(80, 9)
    assert len(low) <= 9
    text = "\n".join(low)
    assert "12.50" in text
    assert "3 received" in text
    assert "explain" not in text


async def test_the_lag_is_the_time_until_the_totals_have_an_acknowledged_batch() -> None:
    api = Silent()
    counts = Counts()
    visibility = Visibility(ledger=Ledger(api=api), counts=counts, baseline=0, again=0)
    assert visibility.percentile(99) is None
    following = asyncio.create_task(visibility.follow())
    counts.add(SendResult((ACCEPTED,)), time.monotonic())
    for _ in range(20):
        await asyncio.sleep(0)
    assert not visibility.lags
    api.entries = 1
    for _ in range(20):
        await asyncio.sleep(0)
    following.cancel()
    assert len(visibility.lags) == 1
    assert 0 <= (visibility.percentile(50) or 0) <= (visibility.percentile(99) or 0)


def test_live_traffic_is_told_in_lines_and_a_signal_ends_it_well(tmp_path: Path) -> None:
    command = (sys.executable, "-c", "from outlay_api.cli import main; main()", "demo", "--port", "0")
    options = ("--events", "300", "--rate", "20", "--data", str(tmp_path / "demo"))
    with subprocess.Popen(
        [*command, *options], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "/docs" in process.stdout.readline()
        assert "received = " in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert f"spend --by team --data {tmp_path / 'demo'}" in told
    assert "Traceback" not in told
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
