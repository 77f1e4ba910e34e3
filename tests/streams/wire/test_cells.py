"""Cells survive the wire, and name the block they were summed from."""

from __future__ import annotations

import pyarrow as pa
import pytest

from outlay_schemas.arrow import CELLS
from outlay_streams.wire import Mark, WireError, decode_block, decode_cells, encode_block, encode_cells, frames, tables
from tests.builders import block, entries

CELLS_OF_TWO = block(entries({"team": "a"}, {"team": "b", "amount": None, "status": "unpriced"})).cells


def test_cells_come_back_whole() -> None:
    found = decode_cells(encode_cells(CELLS_OF_TWO))
    assert found.equals(CELLS_OF_TWO)
    assert found.schema == CELLS


def test_a_block_is_not_cells_alone_but_holds_them() -> None:
    whole = block(entries({}), partition="spend/1", offset=5)
    assert decode_cells(encode_block(whole)).equals(whole.cells)
    with pytest.raises(WireError, match="holds no ids"):
        decode_block(encode_cells(whole.cells), "spend/1", 5)


def test_added_columns_are_passed_over_and_missing_ones_refused() -> None:
    wider = CELLS_OF_TWO.append_column("carbon", pa.array([1, 2]))
    assert decode_cells(frames.pack({"cells": tables.write(wider)})).equals(CELLS_OF_TWO)
    with pytest.raises(WireError, match="cells has no column 'amount'"):
        decode_cells(frames.pack({"cells": tables.write(CELLS_OF_TWO.drop_columns(["amount"]))}))


def test_what_holds_no_cells_is_refused() -> None:
    with pytest.raises(WireError, match="holds no cells"):
        decode_cells(frames.pack({}))
    with pytest.raises(WireError, match="no Arrow stream"):
        decode_cells(frames.pack({"cells": pa.py_buffer(b"cells")}))


def test_any_changed_byte_is_refused() -> None:
    value = encode_cells(CELLS_OF_TWO)
    for at in range(len(value)):
        with pytest.raises(WireError):
            decode_cells(value[:at] + bytes([value[at] ^ 0x10]) + value[at + 1 :])


def test_a_mark_travels_in_headers() -> None:
    mark = Mark("spend/7", 2**40)
    assert mark.headers() == [("source", b"spend/7"), ("block", b"1099511627776")]
    assert Mark.of(mark.headers()) == Mark.of(dict(mark.headers())) == mark


@pytest.mark.parametrize(
    "headers",
    [None, [], [("source", b"spend/7")], [("source", b"\xff"), ("block", b"1")], [("source", b"a"), ("block", b"-1")]],
)
def test_headers_without_a_mark_are_refused(headers: list[tuple[str, bytes | None]] | None) -> None:
    with pytest.raises(WireError, match="headers 'source' and 'block'"):
        Mark.of(headers)
