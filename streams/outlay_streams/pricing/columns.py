"""Arrow columns in and out of numpy: text as codes, decimals as 64-bit words, never through floating point."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Int64s = npt.NDArray[np.int64]

_WORD = 64
_MOST_CODES = 2**62
_SMALL_SPACE = 2**16
_LOW = (1 << _WORD) - 1


def codes(column: pa.ChunkedArray | pa.Array) -> tuple[Int64s, list[str | None]]:
    """Return each row's index into the distinct values, and those; plain and dictionary-encoded text alike."""
    array = whole(column)
    if array.null_count == len(array):
        return np.zeros(len(array), dtype=np.int64), [None]
    if not pa.types.is_dictionary(array.type):
        array = pc.dictionary_encode(array, null_encoding="encode")
    values = array.dictionary.to_pylist()
    indices = array.indices
    if indices.null_count:
        indices = pc.fill_null(indices, len(values))
        values = [*values, None]
    return indices.to_numpy(zero_copy_only=False).astype(np.int64, copy=False), values


def joint(columns: Sequence[tuple[Int64s | None, int]], rows: int) -> tuple[Int64s, Int64s]:
    """Return each row's index into the distinct combinations of code columns, and the first row of each.

    A column is its codes and how many there may be; codes of None are all zero.
    """
    combined, space = np.zeros(rows, dtype=np.int64), 1
    for column, size in columns:
        if column is None or size <= 1:
            continue
        if space > _MOST_CODES // size:
            combined, firsts = _compact(combined, space)
            space = len(firsts)
        combined = combined * size + column
        space *= size
    return _compact(combined, space)


def _compact(codes: Int64s, space: int) -> tuple[Int64s, Int64s]:
    """Return `codes` renumbered without gaps, and the first row of each."""
    if space <= _SMALL_SPACE:
        seen = np.zeros(space, dtype=np.bool_)
        seen[codes] = True
        found, numbers = int(seen.sum()), np.cumsum(seen) - 1
        indices = numbers[codes]
    else:
        encoded = pc.dictionary_encode(pa.array(codes))
        found, indices = len(encoded.dictionary), encoded.indices.to_numpy().astype(np.int64)
    first = np.zeros(found, dtype=np.int64)
    first[indices[::-1]] = np.arange(len(indices) - 1, -1, -1)
    return indices, first


def integers(column: pa.ChunkedArray | pa.Array) -> Int64s:
    """Return an integer column as int64; null counts as nothing used."""
    array = whole(column)
    if array.null_count:
        array = pc.fill_null(array, 0)
    return np.asarray(array.to_numpy(zero_copy_only=False), dtype=np.int64)


def milliseconds(column: pa.ChunkedArray | pa.Array) -> Int64s:
    """Return an instant column in ms since the epoch."""
    return integers(column.cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64()))


def slots(times: Int64s, breaks: Int64s, *, every: int | None = None) -> Int64s:
    """Return how many `breaks` lie at or before each time, or each time of day where `every` is a day in ms."""
    if not breaks.size or not times.size:
        return np.zeros(len(times), dtype=np.int64)
    if every is not None:
        days = times // every
        if int(days.min()) != int(days.max()):
            return np.searchsorted(breaks, times - days * every, side="right")
        times = times - days * every
    edges = np.searchsorted(breaks, [times.min(), times.max()], side="right")
    if edges[0] == edges[1]:
        return np.full(len(times), edges[0], dtype=np.int64)
    return np.searchsorted(breaks, times, side="right")


def words(column: pa.Array) -> tuple[Int64s, npt.NDArray[np.bool_]]:
    """Return the unscaled value of each decimal as int64, and whether it fits; where not, the value means nothing."""
    pairs = np.frombuffer(column.buffers()[1], dtype="<i8").reshape(-1, 2)[column.offset : column.offset + len(column)]
    low, high = pairs[:, 0], pairs[:, 1]
    return low, high == low >> (_WORD - 1)


def decimals(values: Int64s, wide: dict[int, int], missing: npt.NDArray[np.bool_], kind: pa.DataType) -> pa.Array:
    """Return unscaled `values` as decimals of `kind`, with `wide` ones by row, null where `missing`."""
    pairs = np.empty((len(values), 2), dtype="<i8")
    pairs[:, 0] = values
    pairs[:, 1] = values >> (_WORD - 1)
    unsigned = pairs.view("<u8")
    for row, value in wide.items():
        unsigned[row] = value & _LOW, (value >> _WORD) & _LOW
    nulls = int(missing.sum())
    valid = pa.py_buffer(np.packbits(~missing, bitorder="little").tobytes()) if nulls else None
    return pa.Array.from_buffers(kind, len(values), [valid, pa.py_buffer(pairs)], null_count=nulls)


def gather(values: Sequence[str], indices: Int64s) -> pa.Array:
    """Return the text of each row."""
    if len(set(values)) == 1:
        return pa.repeat(pa.scalar(values[0], pa.string()), len(indices))
    return pa.array(values, pa.string()).take(pa.array(indices))


def whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return the column as one array."""
    if isinstance(column, pa.ChunkedArray):
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return column
