"""Cells summed by the few dimensions that budgets look at, and exact sums of amounts by index.

An amount is four limbs of 32 bits, the highest signed. A limb and the sum of two million of them are exact in the
float64 that numpy sums by index with, so no digit is lost at the speed of columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from outlay_schemas.arrow import AMOUNT

Limbs = npt.NDArray[np.float64]
Exact = npt.NDArray[np.object_]
"""Python integers of pico-USD."""

MOST_SUMMED = 1 << 20
"""Rows that `exact_sums` takes at most."""

_LIMBS = 4
_LIMB_BITS = 32


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums by combination and quarter hour; all columns are as long."""

    combinations: list[tuple[str, ...]]
    quarters: npt.NDArray[np.int64]
    """Start, in seconds since 1970."""
    amounts: Limbs
    """`(4, rows)`."""
    entries: npt.NDArray[np.int64]
    unpriced: npt.NDArray[np.int64]


class Gathered:
    """Cells summed by every dimension that is looked at, to be summed further by some of them."""

    def __init__(self, cells: pa.Table, dimensions: Sequence[str]) -> None:
        """Sum `cells`; they need the columns of `CELLS` that this names."""
        names = list(dict.fromkeys(("quarter", *dimensions, "status", "amount", "entries")))
        frame = pl.DataFrame(pl.from_arrow(cells.select(names)))
        unpriced = pl.col("entries").filter(pl.col("status") == "unpriced").sum().alias("unpriced")
        self._frame = frame.group_by("quarter", *dimensions).agg(
            pl.col("amount").sum(), pl.col("entries").sum(), unpriced
        )
        self._known: dict[tuple[str, ...], Sums] = {}

    def by(self, dimensions: tuple[str, ...]) -> Sums:
        """Return the sums by some of the dimensions."""
        known = self._known.get(dimensions)
        if known is None:
            known = self._known[dimensions] = self._summed(dimensions)
        return known

    def _summed(self, dimensions: tuple[str, ...]) -> Sums:
        found = self._frame.group_by("quarter", *dimensions).agg(pl.col("amount", "entries", "unpriced").sum())
        return Sums(
            combinations=found.select(dimensions).rows() if dimensions else [()] * found.height,
            quarters=found["quarter"].dt.epoch("s").to_numpy(),
            amounts=limbs(found["amount"].to_arrow()),
            entries=found["entries"].to_numpy(),
            unpriced=found["unpriced"].to_numpy(),
        )


def limbs(amounts: pa.Array) -> Limbs:
    """Return amounts without nulls as limbs of pico-USD, `(4, rows)`."""
    column = amounts.cast(AMOUNT)
    raw = np.frombuffer(column.buffers()[1], "<u4").reshape(-1, _LIMBS)[column.offset : column.offset + len(column)]
    parts = raw.T.astype(np.float64)
    parts[-1] = raw[:, -1].view("<i4")
    return parts


def exact_sums(amounts: Limbs, index: npt.NDArray[np.int64], size: int) -> Exact:
    """Return the sum of the amounts of each index, as integers of pico-USD: `size` of them."""
    total: Any = np.zeros(size, np.object_)
    for place, limb in enumerate(amounts):
        if limb.any():
            part = np.bincount(index, weights=limb, minlength=size).astype(np.int64).astype(np.object_)
            total = total + part * (1 << place * _LIMB_BITS)
    exact: Exact = total
    return exact
