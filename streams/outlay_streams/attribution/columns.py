"""A batch seen as few distinct combinations: columns to small codes, codes to one index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from outlay_streams.attribution.fields import TAG

Codes = npt.NDArray[np.int64]
_ROOM = 2**62


@dataclass(frozen=True, slots=True)
class Coded:
    """A column as codes into `values`; None among them says nothing."""

    codes: Codes
    values: Sequence[str | None]


def code(usage: pa.Table, name: str, stand_ins: Callable[[list[str]], list[str | None]]) -> Coded:
    """Code a field or tag of `usage`, every distinct value replaced by its stand-in."""
    rows, column = _tag(usage, name.removeprefix(TAG)) if name.startswith(TAG) else (None, whole(usage.column(name)))
    encoded = column.dictionary_encode()
    places: dict[str | None, int] = {None: 0}
    table = [places.setdefault(value, len(places)) for value in stand_ins(encoded.dictionary.to_pylist())]
    lookup = np.array([*table, 0], dtype=np.int64)
    codes = lookup[pc.fill_null(encoded.indices, len(table)).to_numpy(zero_copy_only=False)]
    if rows is not None:
        spread = np.zeros(usage.num_rows, dtype=np.int64)
        spread[rows] = codes
        codes = spread
    return Coded(codes, list(places))


def whole(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array."""
    joined = column.combine_chunks()
    return pa.concat_arrays(joined.chunks) if isinstance(joined, pa.ChunkedArray) else joined


def _tag(usage: pa.Table, tag: str) -> tuple[Codes, pa.Array]:
    """Return the rows that carry `tag`, and its values there."""
    tags = whole(usage.column("tags"))
    offsets = np.asarray(tags.offsets, dtype=np.int64)
    keys = tags.keys
    hits = np.flatnonzero(pc.equal(keys, tag).to_numpy(zero_copy_only=False))
    hits = hits[(hits >= offsets[0]) & (hits < offsets[-1])]
    return np.searchsorted(offsets, hits, side="right") - 1, tags.items.take(pa.array(hits))


def combine(coded: Sequence[tuple[Codes, int]], rows: int) -> tuple[Codes, Codes]:
    """Return the first row of each distinct combination, and each row's combination, from (codes, how many) columns."""
    joined, size = np.zeros(rows, dtype=np.int64), 1
    for codes, cardinality in coded:
        if size * cardinality > _ROOM:
            joined, size = _dense(joined)
        joined = joined * cardinality + codes
        size *= cardinality
    index, distinct = _dense(joined)
    first = np.empty(distinct, dtype=np.int64)
    first[index[::-1]] = np.arange(rows - 1, -1, -1)
    return first, index


def _dense(codes: Codes) -> tuple[Codes, int]:
    encoded = pa.array(codes).dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), len(encoded.dictionary)
