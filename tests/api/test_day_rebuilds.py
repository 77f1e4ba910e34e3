"""Local days rebuilt beside intake: in small steps, to the end, whatever ends or fails on the way."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import structlog

from outlay_api.ledger import day_rebuilds
from outlay_api.ledger.day_rebuilds import DayRebuilds
from outlay_infra.errors import StoreUnavailable


class Days:
    """Days of two months; they follow once both were rebuilt."""

    def __init__(self) -> None:
        self.done: set[str] = set()
        self.lines: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)
        self.failures: list[Exception] = []

    def rebuilding_days(self, org: str) -> Iterator[str]:
        if self.failures:
            raise self.failures.pop()
        for month in ("202604", "202605"):
            self.entered.release()
            assert self.gate.wait(30)
            self.lines.append(month)
            yield month
        self.done.add(org)


@pytest.fixture
def days() -> Days:
    return Days()


@pytest.fixture
def rebuilds(days: Days) -> Iterator[DayRebuilds]:
    started = DayRebuilds(days, days.done.__contains__)
    with structlog.testing.capture_logs():
        yield started
        days.gate.set()
        started.stop()


def test_few_days_are_done_before_the_answer(days: Days, rebuilds: DayRebuilds) -> None:
    assert rebuilds.follow("acme")
    assert days.done == {"acme"}
    assert rebuilds.follow("acme")
    assert days.lines == ["202604", "202605"]


def test_many_days_go_on_after_the_answer(days: Days, rebuilds: DayRebuilds) -> None:
    days.gate.clear()
    assert not rebuilds.follow("acme", patience=0)
    days.gate.set()
    assert rebuilds.follow("acme", patience=30)
    assert days.lines == ["202604", "202605"]


def test_a_store_that_is_away_is_asked_again(
    days: Days, rebuilds: DayRebuilds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(day_rebuilds, "AGAIN_SECONDS", 0)
    days.failures = [StoreUnavailable("away")] * 2
    assert rebuilds.follow("acme", patience=30)


def test_a_stop_ends_between_two_months_and_the_next_start_begins_anew(days: Days) -> None:
    days.gate.clear()
    rebuilds = DayRebuilds(days, days.done.__contains__)
    with structlog.testing.capture_logs():
        rebuilds.follow("acme", patience=0)
        assert days.entered.acquire(timeout=30)
        stopping = threading.Thread(target=rebuilds.stop)
        stopping.start()
        while not rebuilds.stopping:
            stopping.join(0.001)
        days.gate.set()
        stopping.join()
        assert days.lines == ["202604"]
        assert not days.done
        again = DayRebuilds(days, days.done.__contains__)
        again.resume(["acme"])
        assert again.follow("acme", patience=30)
        again.stop()
    assert days.lines == ["202604", "202604", "202605"]
