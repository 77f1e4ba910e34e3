"""What the first request would wait for is done before the server calls itself ready."""

from __future__ import annotations

import threading

import pytest

from outlay_api.ledger import warming
from outlay_api.ledger.warming import Cold, Warming
from outlay_infra.errors import StoreUnavailable


def test_it_is_cold_until_the_work_is_done() -> None:
    go, done = threading.Event(), threading.Event()

    def work() -> None:
        assert go.wait(30)
        done.set()

    warm = Warming(work)
    with pytest.raises(Cold):
        warm.check()
    warm.start()
    with pytest.raises(Cold, match="price rules are being compiled"):
        warm.check()
    go.set()
    assert done.wait(30)
    warm.stop()
    warm.check()


def test_it_tries_again_while_the_store_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "AGAIN_SECONDS", 0.001)
    tries, done = iter([StoreUnavailable("away"), StoreUnavailable("away")]), threading.Event()

    def work() -> None:
        for failure in tries:
            raise failure
        done.set()

    warm = Warming(work)
    warm.start()
    assert done.wait(30)
    warm.stop()
    warm.check()


def test_stopping_before_the_start_waits_for_nothing() -> None:
    Warming(lambda: None).stop()
