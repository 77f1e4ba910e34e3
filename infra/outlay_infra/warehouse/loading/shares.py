"""A block cut into shares: its rows for one partition of one table, which the engine stores wholly or not at all.

A table of sums forgets which block a row came from, so each share of one carries a mark: a row of no organisation that
names the block. It is stored with the share or not at all, and is added up like any row: a share stored twice counts 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from outlay_schemas.arrow import SUMS
from outlay_schemas.block import Block

NO_ORG = ""
"""The organisation of marks; events always have one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A table that a block goes into."""

    table: str
    rows: Callable[[Block], pa.Table]
    time: str
    """The column that chooses the partition."""
    weekly: bool = False
    """Whether partitions are ISO weeks (as 202621), not months (as 202605)."""
    mark: Mapping[str, str] = field(default_factory=dict)
    """Where a mark names the block, for tables of sums: the columns of its `partition` and `offset`."""


@dataclass(frozen=True, slots=True)
class Share:
    """The rows of one block for one partition of a table; `rows` hold the mark, `first` is a row that is none."""

    offset: int
    period: int
    rows: pa.Table
    first: Mapping[str, Any]

    @property
    def key(self) -> tuple[int, int]:
        """Offset and period, which tell shares of one table and source partition apart."""
        return self.offset, self.period


_PROJECT = MappingProxyType({"partition": "team", "offset": "project"})
_VALUE = MappingProxyType({"partition": "tag", "offset": "value"})

LEDGER = Target(table="ledger", rows=lambda block: block.entries, time="time")
BETWEEN = (
    Target(table="tag_days", rows=lambda block: block.tag_days, time="day", mark=_VALUE),
    Target(table="cells", rows=lambda block: block.cells, time="quarter", mark=_PROJECT),
    Target(table="days", rows=lambda block: block.days, time="day", mark=_PROJECT),
    Target(table="event_ids", rows=lambda block: block.ids, time="received", weekly=True),
    Target(table="rejects", rows=lambda block: block.rejects, time="received", weekly=True),
)
"""Written after the ledger and before the receipts, the costly ones first."""
RECEIPTS = Target(table="receipts", rows=lambda block: block.receipts, time="day")


def shares(target: Target, blocks: Iterable[Block]) -> list[Share]:
    """Return what `target` is to hold of the blocks, in their order; blocks without rows for it have no share."""
    return [share for block in blocks for share in _cut(target, block)]


def follows_from_its_entries(block: Block) -> bool:
    """Return whether the entries alone say all there is to the block: nothing in it was refused or a repeat."""
    counted = pc.sum(block.receipts["counted"]).as_py()
    return bool(block.entries.num_rows) and counted == pc.sum(block.receipts["received"]).as_py()


def _cut(target: Target, block: Block) -> Iterator[Share]:
    rows = target.rows(block)
    if not rows.num_rows:
        return
    periods = _periods(rows[target.time], weekly=target.weekly)
    for period in sorted(pc.unique(periods).to_pylist()):
        part = rows.filter(pc.equal(periods, period))
        first = part.slice(0, 1).to_pylist()[0]
        if target.mark:
            part = pa.concat_tables([part, _marks(target, part.schema, block, [first[target.time]])])
        yield Share(block.offset, period, part, first)


def _periods(times: pa.ChunkedArray, *, weekly: bool) -> pa.ChunkedArray:
    year, number = (pc.iso_year(times), pc.iso_week(times)) if weekly else (pc.year(times), pc.month(times))
    return pc.add(pc.multiply(year, 100), number)


def _marks(target: Target, schema: pa.Schema, block: Block, times: Sequence[Any]) -> pa.Table:
    """Return a mark at each of the times, which are in different periods."""
    said = {"org": NO_ORG, "entries": 1}
    said |= {target.mark["partition"]: block.partition, target.mark["offset"]: str(block.offset)}
    columns = [
        pa.array(times, field.type)
        if field.name == target.time
        else pa.repeat(pa.scalar(said.get(field.name, 0 if field.name in SUMS.names else ""), field.type), len(times))
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)
