"""A block survives the wire, takes its place from the record it is read from, and changed bytes are never read."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay_schemas.arrow import CELLS, ENTRIES, PRICES
from outlay_schemas.block import Block
from outlay_streams.wire import (
    WireError,
    decode_block,
    decode_ids,
    decode_prices,
    decode_receipts,
    encode_block,
    frames,
    tables,
)
from tests.builders import NOON, block, entries

TABLES = ("entries", "ids", "cells", "days", "tag_days", "receipts", "rejects")

text = st.sampled_from(["", "a", "𝄞" * 256, "é", "unallocated"])
amount = st.none() | st.decimals(-(10**12), 10**12, places=12)


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    amount_ = draw(amount)
    return {
        "org": draw(st.sampled_from(["acme", "globex"])),
        "time": NOON + timedelta(minutes=draw(st.integers(-10_000, 10_000))),
        "team": draw(text),
        "user": draw(text),
        "tags": draw(st.dictionaries(text, text, max_size=3)),
        "quantities": draw(st.dictionaries(st.sampled_from(["images", "seats"]), st.decimals(0, 10**15, places=9))),
        "input_tokens": draw(st.integers(0, 10**15)),
        "latency_ms": draw(st.none() | st.integers(0, 2**31 - 1)),
        "amount": amount_,
        "status": "priced" if amount_ is not None else "unpriced",
    }


def made(*given_rows: dict[str, Any], partition: str = "spend/7", offset: int = 41, **more: Any) -> Block:
    found = entries(*given_rows) if given_rows else None
    return block(found, partition=partition, offset=offset, **more)


def same(one: Block, other: Block) -> bool:
    return (one.partition, one.offset) == (other.partition, other.offset) and all(
        getattr(one, name).equals(getattr(other, name)) for name in TABLES
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(rows(), max_size=6), st.lists(st.fixed_dictionaries({"id": text, "event": text}), max_size=2))
def test_a_block_comes_back_whole(sent: list[dict[str, Any]], refused: list[dict[str, str]]) -> None:
    whole = made(*({**row, "id": f"e{at}"} for at, row in enumerate(sent)), rejects=refused, duplicates=3)
    found = decode_block(encode_block(whole), "spend/7", 41)
    assert same(found, whole)
    for name in TABLES:
        getattr(found, name).validate(full=True)
        assert getattr(found, name).schema == getattr(whole, name).schema


def test_the_place_is_that_of_the_record_not_of_the_writer() -> None:
    elsewhere = made({}, partition="", offset=0, rejects=[{}])
    found = decode_block(encode_block(elsewhere), "spend/3", 2**40)
    assert found.token == f"spend/3/{2**40}"
    for table in (found.entries, found.receipts, found.rejects):
        assert table["partition"].to_pylist() == ["spend/3"]
        assert table["block"].to_pylist() == [2**40]
    assert encode_block(found) == encode_block(elsewhere)


def test_ids_are_read_without_a_look_into_the_rest() -> None:
    whole = made({}, {})
    value = bytearray(encode_block(whole))
    value[-1] ^= 1
    assert decode_ids(bytes(value)).equals(whole.ids)
    with pytest.raises(WireError, match="frame 'rejects' does not match its digest"):
        decode_block(bytes(value), "spend/7", 41)


def test_receipts_are_read_without_the_rest_and_take_their_place_too() -> None:
    whole = made({}, duplicates=2)
    assert decode_receipts(encode_block(whole), "spend/7", 41).equals(whole.receipts)


def test_price_records_travel_beside_a_block() -> None:
    prices = pa.table({"price_id": ["p_1"], "body": ['{"rates":{}}']}, schema=PRICES)
    whole = made({})
    value = encode_block(whole, prices)
    assert decode_prices(value).equals(prices)
    assert same(decode_block(value, "spend/7", 41), whole)
    for without in (encode_block(whole), encode_block(whole, PRICES.empty_table())):
        assert decode_prices(without).equals(PRICES.empty_table())


def test_any_changed_byte_is_refused() -> None:
    value = encode_block(made({"tags": {"a": "b"}}, rejects=[{}]))
    for at in range(len(value)):
        for bit in (0, 7):
            bent = value[:at] + bytes([value[at] ^ 1 << bit]) + value[at + 1 :]
            with pytest.raises(WireError):
                decode_block(bent, "spend/7", 41)


def test_what_follows_a_block_is_refused() -> None:
    with pytest.raises(WireError, match="cut short"):
        decode_block(encode_block(made({})) + b"\x00", "spend/7", 41)


def test_any_cut_is_refused() -> None:
    value = encode_block(made({}))
    for end in range(len(value)):
        with pytest.raises(WireError):
            decode_block(value[:end], "spend/7", 41)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80).map(lambda tail: b"\x01" + tail) | st.binary(max_size=80))
def test_any_other_bytes_are_refused(value: bytes) -> None:
    for read in (decode_ids, lambda data: decode_block(data, "spend/7", 41)):
        with pytest.raises(WireError):
            read(value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"", "the value is empty"),
        (b"\x02", "version 2; this program reads version 1: upgrade the reader"),
        (b"\x01", "the value holds no ids; it is no block"),
        (b"\x01\x03id", "cut short at byte 1 of 4"),
    ],
)
def test_what_is_wrong_is_told(value: bytes, said: str) -> None:
    with pytest.raises(WireError, match=said):
        decode_block(value, "spend/7", 41)


def repacked(whole: Block, **changed: pa.Table) -> bytes:
    """Return the block as another version of the program may write it."""
    chosen = {name: getattr(whole, name) for name in TABLES} | changed
    return frames.pack({name: tables.write(table) for name, table in chosen.items()})


def test_what_a_later_writer_adds_is_passed_over() -> None:
    whole = made({}, {})
    wider = whole.cells.append_column("carbon", pa.array([1.5] * whole.cells.num_rows))
    value = repacked(whole, cells=wider.select(["carbon", *reversed(CELLS.names)]), forecasts=wider)
    assert same(decode_block(value, "spend/7", 41), whole)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda table: table.drop_columns(["team"]), "entries has no column 'team'"),
        (lambda table: table.set_column(0, "org", pa.array([1])), "entries.org is int64, not string"),
        (
            lambda table: table.set_column(
                table.column_names.index("amount"), "amount", pa.array([Decimal(1)], pa.decimal128(38, 9))
            ),
            r"entries.amount is decimal128\(38, 9\), not decimal128\(38, 12\)",
        ),
        (
            lambda table: table.set_column(0, pa.field("org", pa.string()), pa.array([None], pa.string())),
            "entries.org has nulls",
        ),
    ],
)
def test_what_a_reader_needs_must_be_there(change: Any, said: str) -> None:
    whole = made({})
    with pytest.raises(WireError, match=said):
        decode_block(repacked(whole, entries=change(whole.entries)), "spend/7", 41)


def test_columns_of_several_chunks_are_one_on_the_wire() -> None:
    whole = made({"id": "e1"}, {"id": "e2", "team": "other"})
    parts = pa.concat_tables([whole.entries[:1], whole.entries[1:]])
    assert parts.column("team").num_chunks == 2
    value = repacked(whole, entries=parts)
    assert same(decode_block(value, "spend/7", 41), whole)
    assert decode_block(value, "spend/7", 41).entries.schema == ENTRIES
