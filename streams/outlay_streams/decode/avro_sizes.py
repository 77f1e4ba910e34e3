"""How many bytes decoded columns would take as Avro in its shortest form.

An event whose bytes are exactly that many was read to its end, and every number in it as it was written. Any other was
cut short of something, followed by something, or written in a longer form: the reference decoder looks at those.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from outlay_streams.decode.avro_layout import Shape
from outlay_streams.decode.avro_values import integers, offsets, present

Sizes = npt.NDArray[np.int64]

_FIXED = {"boolean": 1, "float": 4, "double": 8}


def sizes(column: pa.Array, shape: Shape) -> Sizes:
    """Return the size in bytes of each value of a column that was read with `shape`."""
    match shape:
        case str():
            return _plain(column, shape)
        case ["null", inner] | [inner, "null"]:
            return _nullable(column, inner)
        case {"fields": fields}:
            parts = (sizes(column.field(place), field["type"]) for place, field in enumerate(fields))
            return sum(parts, np.zeros(len(column), np.int64))
        case {"items": items}:
            return _blocks(column, sizes(column.values, items))
        case {"values": items}:
            return _blocks(column, sizes(column.keys, "string") + sizes(column.items, items))
    raise TypeError(f"no size is known for {shape!r}")


def _plain(column: pa.Array, shape: str) -> Sizes:
    if shape == "long":
        return _long(integers(column))
    if shape != "string":
        return np.full(len(column), _FIXED[shape], np.int64)
    lengths = np.diff(offsets(column)).astype(np.int64)
    return lengths + _long(lengths)


def _nullable(column: pa.Array, inner: Any) -> Sizes:
    if column.null_count == len(column):
        return np.ones(len(column), np.int64)
    held = sizes(column, inner)
    there = present(column)
    return 1 + (held if there is None else np.where(there, held, 0))


def _blocks(column: pa.Array, items: Sizes) -> Sizes:
    """Add up the items of each row, with the count in front of them and the zero behind."""
    bounds = offsets(column)
    upto = np.concatenate(([0], np.cumsum(items)))
    counts = np.diff(bounds).astype(np.int64)
    return 1 + np.where(counts > 0, _long(counts) + np.diff(upto[bounds]), 0)


def _long(values: npt.NDArray[np.int64]) -> Sizes:
    """Return the bytes of zigzag-coded variable-length integers: seven bits a byte."""
    coded = ((values << 1) ^ (values >> 63)).view(np.uint64)
    size = np.ones(len(values), np.int64)
    most = int(coded.max(initial=0))
    bound = 1 << 7
    while bound <= most:
        size += coded >= np.uint64(bound)
        bound <<= 7
    return size
