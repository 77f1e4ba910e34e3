"""A block summed: cells by quarter hour, days in the org's reporting zone, and days by tag.

Pure functions of the entries; windows, budgets and dashboards eat the very same rows. Every zone in use today keeps its
offset in whole quarter hours, so a quarter hour lies in one local day.
"""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow as pa

from outlay_schemas.arrow import CELLS, DAYS, TAG_DAYS
from outlay_schemas.dimensions import ROLLED_UP
from outlay_schemas.units import FREQUENT

_QUARTER_MS = 15 * 60 * 1000
_MEASURES = ("amount", "entries", "calls", *FREQUENT)


def cells(entries: pa.Table) -> pa.Table:
    """Return the `CELLS` of an `ENTRIES` table."""
    columns = ["org", "time", *ROLLED_UP, "amount", "calls", *FREQUENT]
    frame = pl.DataFrame(pl.from_arrow(entries.select(columns)))
    time = pl.col("time").cast(pl.Int64)
    quarter = (time - time.mod(_QUARTER_MS)).cast(pl.Datetime("ms", "UTC")).alias("quarter")
    summed = (
        frame.with_columns(quarter).group_by("org", "quarter", *ROLLED_UP, maintain_order=True).agg(*_sums(pl.len()))
    )
    return _as(CELLS, summed)


def days(cells: pa.Table, zones: Mapping[str, ZoneInfo]) -> pa.Table:
    """Return the `DAYS` of a block's `CELLS`, in each org's reporting zone."""
    frame = _with_day(pl.DataFrame(pl.from_arrow(cells)), "quarter", zones)
    return _as(DAYS, frame.group_by("org", "day", *ROLLED_UP, maintain_order=True).agg(*_sums(pl.col("entries").sum())))


def tag_days(entries: pa.Table, zones: Mapping[str, ZoneInfo]) -> pa.Table:
    """Return the `TAG_DAYS` of an `ENTRIES` table; entries without tags add nothing."""
    columns = ["org", "time", "team", "status", "tags", "amount", "calls", *FREQUENT]
    frame = pl.DataFrame(pl.from_arrow(entries.select(columns)))
    pairs = pl.col("tags").cast(pl.List(pl.Struct({"key": pl.String, "value": pl.String})))
    frame = frame.with_columns(pairs).filter(pl.col("tags").list.len() > 0).explode("tags").unnest("tags")
    frame = frame.rename({"key": "tag"})
    keys = ("org", "day", "tag", "value", "team", "status")
    summed = _with_day(frame, "time", zones).group_by(*keys, maintain_order=True).agg(*_sums(pl.len()))
    return _as(TAG_DAYS, summed)


def _sums(entries: pl.Expr) -> list[pl.Expr]:
    sums = {name: pl.col(name).sum() for name in _MEASURES if name != "entries"} | {"entries": entries}
    return [sums[name].alias(name) for name in _MEASURES]


def _with_day(frame: pl.DataFrame, instant: str, zones: Mapping[str, ZoneInfo]) -> pl.DataFrame:
    day = pl.lit(None, pl.Date)
    for org in frame["org"].unique():
        local = pl.col(instant).dt.convert_time_zone(zones[org].key).dt.date()
        day = pl.when(pl.col("org") == org).then(local).otherwise(day)
    return frame.with_columns(day.alias("day"))


def _as(schema: pa.Schema, frame: pl.DataFrame) -> pa.Table:
    return frame.select(schema.names).to_arrow().cast(schema)
