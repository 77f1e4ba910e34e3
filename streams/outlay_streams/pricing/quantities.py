"""The quantities of a batch as integers: one column a frequent unit, one sparse column each unit of the open list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from outlay_schemas.arrow import QUANTITY
from outlay_schemas.units import CALLS, FREQUENT, QUANTITY_SCALE, unit
from outlay_streams.pricing.columns import Int64s, codes, integers, whole, words

FRACTION = 10**QUANTITY_SCALE


@dataclass(frozen=True, slots=True)
class Sparse:
    """One unit of the open list: the rows that have it, their whole part and their billionths."""

    name: str
    rows: Int64s
    whole: Int64s
    billionths: Int64s


@dataclass(frozen=True, slots=True)
class Quantities:
    """The quantities of a batch. Columns that are zero throughout are left out."""

    rows: int
    dense: dict[str, Int64s]
    sparse: tuple[Sparse, ...]
    calls: Int64s
    oversize: npt.NDArray[np.bool_] | None
    """Rows with a quantity too large for 64 bits; None when there are none."""
    usage: pa.Table

    @classmethod
    def of(cls, usage: pa.Table) -> Quantities:
        """Read the quantities of a `USAGE` table."""
        dense = {name: column for name in FREQUENT if (column := integers(usage[name])).any()}
        sparse, oversize = _open_list(whole(usage["quantities"]), usage.num_rows)
        return cls(usage.num_rows, dense, tuple(sparse), integers(usage["calls"]), oversize, usage)

    def names(self) -> Iterator[str]:
        """Yield every unit some row has, calls left out."""
        yield from self.dense
        yield from (each.name for each in self.sparse)

    def input_tokens(self) -> Int64s:
        """Return each row's input tokens a call, over all input units, rounded up: what context tiers go by."""
        total = np.zeros(self.rows, dtype=np.int64)
        part = np.zeros(self.rows, dtype=np.int64)
        for name, column in self.dense.items():
            if unit(name).is_input:
                total += column
        for each in self.sparse:
            if unit(each.name).is_input:
                np.add.at(total, each.rows, each.whole)
                np.add.at(part, each.rows, each.billionths)
        total -= -part // FRACTION
        return -(-total // np.maximum(self.calls, 1))

    def covered_by(self, name: str, rows: Int64s) -> tuple[Int64s, Int64s]:
        """Return, for `rows`, how much of unit `name` and the units it covers they have: whole part and billionths."""
        total = np.zeros(self.rows, dtype=np.int64)
        part = np.zeros(self.rows, dtype=np.int64)
        for mine, column in self.dense.items():
            if unit(name).covers(unit(mine)):
                total += column
        for each in self.sparse:
            if unit(name).covers(unit(each.name)):
                np.add.at(total, each.rows, each.whole)
                np.add.at(part, each.rows, each.billionths)
        carry, part = np.divmod(part[rows], FRACTION)
        return total[rows] + carry, part

    def used(self) -> npt.NDArray[np.bool_]:
        """Return which rows have any quantity above zero, calls left out."""
        used = np.zeros(self.rows, dtype=np.bool_)
        for column in self.dense.values():
            used |= column > 0
        for each in self.sparse:
            used[each.rows[(each.whole > 0) | (each.billionths > 0)]] = True
        return used

    def of_row(self, row: int) -> dict[str, int | Decimal]:
        """Return the quantities of one row by unit."""
        dense: dict[str, int | Decimal] = {name: int(column[row]) for name, column in self.dense.items()}
        for name, quantity in self.usage["quantities"][row].as_py():
            dense[name] = dense.get(name, 0) + quantity
        return dense


def _open_list(column: pa.MapArray, rows: int) -> tuple[list[Sparse], npt.NDArray[np.bool_] | None]:
    offsets = column.offsets.to_numpy()
    start, length = int(offsets[0]), int(offsets[-1] - offsets[0])
    if not length:
        return [], None
    units, names = codes(column.keys.slice(start, length))
    values, fits = words(column.items.slice(start, length).cast(QUANTITY))
    places = np.repeat(np.arange(rows), np.diff(offsets))
    oversize = None
    if not fits.all():
        oversize = np.zeros(rows, dtype=np.bool_)
        oversize[places[~fits]] = True
    sparse = []
    for code, name in enumerate(names):
        mine = np.flatnonzero(units == code)
        if name is not None and name != CALLS and mine.size:
            parts, billionths = np.divmod(values[mine], FRACTION)
            sparse.append(Sparse(name, places[mine], parts, billionths))
    return sparse, oversize
