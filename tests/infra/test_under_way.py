"""Inserts of a writer that has ended are waited for, and not for ever."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pytest

from outlay_infra.errors import StoreUnavailable
from outlay_infra.warehouse import Warehouse, under_way
from outlay_infra.warehouse.under_way import wait_for_inserts


class Busy:
    """A server that works on so many inserts, look by look."""

    def __init__(self, counts: Iterator[int]) -> None:
        self._counts = counts

    def query(self, sql: str, parameters: Mapping[str, Any] = {}, settings: Mapping[str, Any] = {}) -> pa.Table:
        return pa.table({"n": [next(self._counts)]})


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_way, "PAUSE_SECONDS", 0)


def test_they_are_waited_for() -> None:
    counts = iter([2, 1, 0, 5])
    wait_for_inserts(Busy(counts))
    assert next(counts) == 5


def test_one_that_never_ends_is_told() -> None:
    with pytest.raises(StoreUnavailable, match="inserts of an earlier writer"):
        wait_for_inserts(Busy(iter(lambda: 1, None)))


def test_the_engine_knows_the_question(warehouse: Warehouse) -> None:
    wait_for_inserts(warehouse)
