"""Reads for callers end when they take too much, and a read that failed leaves nothing behind."""

from __future__ import annotations

import pytest

from outlay_infra.errors import QueryLimit, StoreError
from outlay_infra.warehouse import ReadLimits, Warehouse

ENDLESS = "SELECT cityHash64(number) AS hash FROM numbers(100000000000)"
LARGE = "SELECT length(groupUniqArray(number)) AS n FROM numbers(10000000)"
HALFWAY = "SELECT throwIf(number = 200000, 'told') AS x FROM numbers(300000)"
ONE_BY_ONE = {"max_block_size": 1000, "max_threads": 1}


def test_a_question_takes_only_so_much_time(warehouse: Warehouse) -> None:
    reader = warehouse.reader(ReadLimits(seconds=0.1, stream_seconds=0.1))
    with pytest.raises(QueryLimit, match="Timeout exceeded"):
        reader.query(f"SELECT sum(hash) AS total FROM ({ENDLESS})")
    with pytest.raises(QueryLimit, match="Timeout exceeded"):
        for _ in reader.stream(ENDLESS):
            pass


def test_a_question_takes_only_so_much_memory(warehouse: Warehouse) -> None:
    with pytest.raises(QueryLimit, match="memory limit"):
        warehouse.reader(ReadLimits(nbytes=20_000_000)).query(LARGE)
    assert warehouse.reader(ReadLimits()).query("SELECT 1 AS one")["one"].to_pylist() == [1]


def test_what_a_failed_read_had_written_is_in_no_other_answer(warehouse: Warehouse) -> None:
    with pytest.raises(StoreError, match="told"):
        warehouse.query(HALFWAY, {}, ONE_BY_ONE)
    assert warehouse.query("SELECT 1 AS one").to_pydict() == {"one": [1]}
