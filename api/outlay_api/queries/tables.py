"""The tables that can answer for spend, cheapest first, and what each of them keeps."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from outlay_schemas.dimensions import ROLLED_UP
from outlay_schemas.units import FREQUENT

SUMMED = frozenset({"amount", "entries", "unpriced", "calls", *FREQUENT})
"""Measures that every rollup of a block keeps."""

LATENCIES = frozenset({"latency_p50", "latency_p95", "ttft_p50", "ttft_p95"})


class Grain(StrEnum):
    """How finely a table keeps time; the value is the column."""

    DAY = "day"
    """Local days of the organisation's reporting zone."""
    QUARTER = "quarter"
    """Quarter hours of UTC."""
    INSTANT = "time"


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its grain, and the dimensions and measures it can answer for (None: every one)."""

    name: str
    grain: Grain
    dimensions: frozenset[str] | None
    measures: frozenset[str] | None
    one_tag: bool = False
    """Whether it keeps each tag apart, so that one tag can be asked about."""
    lags: bool = False
    """Whether it is summed behind the writer, so that it must be caught up with before it answers."""


DAY_USERS = Table("day_users", Grain.DAY, frozenset({"team", "project"}), frozenset({"users"}), lags=True)
DAY_LATENCY = Table("day_latency", Grain.DAY, frozenset({"provider", "model"}), LATENCIES, lags=True)
TAG_DAYS = Table("tag_days", Grain.DAY, frozenset({"team", "status"}), SUMMED, one_tag=True)
DAYS = Table("days", Grain.DAY, frozenset(ROLLED_UP), SUMMED)
CELLS = Table("cells", Grain.QUARTER, frozenset(ROLLED_UP), SUMMED)
LEDGER = Table("ledger", Grain.INSTANT, None, None)

TABLES = (DAY_USERS, DAY_LATENCY, TAG_DAYS, DAYS, CELLS, LEDGER)
"""In the order of their cost."""
