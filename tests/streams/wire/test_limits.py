"""Blocks stay under the limit on a message, in as few parts as halving finds, and no event is lost between them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay_schemas.block import Block
from outlay_streams.wire import WireError, decode_block, encode_block, encode_within
from tests.builders import block, entries

ENTRIES = entries(*({"id": f"e{at}", "request_id": str((at + 3) ** 120)[:200]} for at in range(12)))


def build(rows: range) -> Block:
    return block(ENTRIES[rows.start : rows.stop], partition="spend/0", offset=0)


def test_what_fits_is_one_block() -> None:
    ((rows, whole, value),) = encode_within(build, range(12))
    assert rows == range(12)
    assert whole.entries.num_rows == 12
    assert value == encode_block(whole)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 4000))
def test_what_does_not_fit_is_built_again_in_parts(above: int) -> None:
    limit = max(len(encode_block(build(range(at, at + 1)))) for at in range(12)) + above
    parts = list(encode_within(build, range(12), limit=limit))
    assert [at for rows, _, _ in parts for at in rows] == list(range(12))
    for rows, _, value in parts:
        assert len(value) <= limit
        assert decode_block(value, "spend/0", 0).entries["id"].to_pylist() == [f"e{at}" for at in rows]


def test_one_event_above_the_limit_is_told() -> None:
    with pytest.raises(WireError, match=r"one event makes a block of [0-9]+ bytes, above the limit of 100"):
        list(encode_within(build, range(12), limit=100))


def test_no_rows_still_make_a_block() -> None:
    ((rows, whole, _),) = encode_within(build, range(0))
    assert not rows
    assert whole.entries.num_rows == 0
