"""A block as one value of the `spend` topic.

The offset of a record is known only once it is written, so columns that hold it stay out of the value: the reader
stamps them from the record it read. `ids` come first, for a reader that rebuilds dedupe state wants nothing else.
Behind the block come the prices it was counted with that the log may not hold yet, for whoever keeps price records.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pyarrow as pa

from outlay_schemas.arrow import CELLS, DAYS, ENTRIES, IDS, PRICES, RECEIPTS, REJECTS, TAG_DAYS
from outlay_schemas.block import Block
from outlay_streams.wire import frames, tables
from outlay_streams.wire.errors import WireError

_STAMPED = ("partition", "block")
_TABLES: Mapping[str, pa.Schema] = MappingProxyType(
    {
        "ids": IDS,
        "entries": ENTRIES,
        "cells": CELLS,
        "days": DAYS,
        "tag_days": TAG_DAYS,
        "receipts": RECEIPTS,
        "rejects": REJECTS,
    }
)
_PRICES = "prices"


def encode_block(block: Block, prices: pa.Table | None = None) -> bytes:
    """Return the block without partition and offset, which its record will have, and `PRICES` beside it."""
    framed = {name: tables.write(getattr(block, name).select(_sent(name).names)) for name in _TABLES}
    if prices is not None and prices.num_rows:
        framed[_PRICES] = tables.write(prices)
    return frames.pack(framed)


def decode_block(value: bytes, partition: str, offset: int) -> Block:
    """Return the block that the record at `offset` of `partition` (for example `spend/7`) holds.

    Raises `WireError` unless the value is a whole block of this version.
    """
    stamp = {"partition": pa.scalar(partition), "block": pa.scalar(offset, pa.uint64())}
    found = frames.unpack(value, frozenset(_TABLES))
    columns = {name: _stamped(_table(found, name), _TABLES[name], stamp) for name in _TABLES}
    return Block(partition=partition, offset=offset, **columns)


def decode_ids(value: bytes) -> pa.Table:
    """Return the `IDS` of a block, passing over the rest of it; raise `WireError` as `decode_block` does."""
    return _table(frames.unpack(value, frozenset({"ids"})), "ids")


def decode_receipts(value: bytes, partition: str, offset: int) -> pa.Table:
    """Return the `RECEIPTS` of a block, passing over the rest of it; raise `WireError` as `decode_block` does."""
    found = frames.unpack(value, frozenset({"receipts"}))
    stamp = {"partition": pa.scalar(partition), "block": pa.scalar(offset, pa.uint64())}
    return _stamped(_table(found, "receipts"), RECEIPTS, stamp)


def decode_prices(value: bytes) -> pa.Table:
    """Return the `PRICES` beside a block, none if it has none; raise `WireError` as `decode_block` does."""
    found = frames.unpack(value, frozenset({_PRICES}))
    return tables.read(found[_PRICES], PRICES, name=_PRICES) if found else PRICES.empty_table()


def _sent(name: str) -> pa.Schema:
    return pa.schema([field for field in _TABLES[name] if field.name not in _STAMPED])


def _table(found: Mapping[str, pa.Buffer], name: str) -> pa.Table:
    if name not in found:
        raise WireError(f"the value holds no {name}; it is no block")
    return tables.read(found[name], _sent(name), name=name)


def _stamped(table: pa.Table, schema: pa.Schema, stamp: Mapping[str, pa.Scalar]) -> pa.Table:
    columns = [
        pa.chunked_array([pa.repeat(stamp[field.name], table.num_rows)])
        if field.name in _STAMPED
        else table.column(field.name)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)
