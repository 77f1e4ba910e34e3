"""Rows of keys and values brought into the order that `USAGE` promises: sorted by key, each once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from outlay_streams.decode.avro_values import Mask


@dataclass(frozen=True, slots=True)
class Pairs:
    """Keys and items, row after row; `bounds` says where each row starts and the last one ends."""

    bounds: npt.NDArray[np.int32]
    keys: pa.Array
    items: pa.Array

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """The row of each pair."""
        return np.repeat(np.arange(len(self.bounds) - 1), np.diff(self.bounds))

    def keep(self, wanted: Mask) -> Pairs:
        """Return the pairs that are wanted, in as many rows."""
        if wanted.all():
            return self
        upto = np.concatenate(([0], np.cumsum(wanted))).astype(np.int32)
        chosen = pa.array(wanted)
        return Pairs(upto[self.bounds], self.keys.filter(chosen), self.items.filter(chosen))

    def in_order(self) -> tuple[Pairs, npt.NDArray[np.int64]]:
        """Return the pairs of each row sorted by key, and the rows in which a key stands twice."""
        if len(self.keys) < 2:
            return self, np.empty(0, np.int64)
        rows = self.rows
        same_row = rows[1:] == rows[:-1]
        rising = pc.less(self.keys[:-1], self.keys[1:]).to_numpy(zero_copy_only=False)
        if (rising | ~same_row).all():
            return self, np.empty(0, np.int64)
        ranks = _ranks(self.keys)
        order = np.lexsort((ranks, rows))
        twice = same_row & (ranks[order][1:] == ranks[order][:-1])
        chosen = pa.array(order)
        return Pairs(self.bounds, self.keys.take(chosen), self.items.take(chosen)), rows[1:][twice]

    def as_map(self, kind: pa.MapType) -> pa.MapArray:
        """Return the rows as maps."""
        return pa.MapArray.from_arrays(pa.array(self.bounds), self.keys, self.items).cast(kind)


def none(rows: int, kind: pa.MapType) -> pa.MapArray:
    """Return that many empty maps."""
    empty = pa.array([], kind.key_type), pa.array([], kind.item_type)
    return pa.MapArray.from_arrays(pa.array(np.zeros(rows + 1, np.int32)), *empty).cast(kind)


def _ranks(keys: pa.Array) -> npt.NDArray[np.int64]:
    coded = keys.dictionary_encode()
    order = pc.sort_indices(coded.dictionary).to_numpy()
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    ranks: npt.NDArray[np.int64] = rank[coded.indices.to_numpy()]
    return ranks
