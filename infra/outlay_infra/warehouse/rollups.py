"""Every table derived from the ledger, defined once: recovery, check and repair all use this SQL.

`keys` and `measures` are expressions over one ledger row `l` (`{zone:String}` is the reporting zone); a rollup is their
sums by key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from outlay_infra.warehouse.stored import WRITTEN_AS
from outlay_schemas.arrow import SUMS
from outlay_schemas.dimensions import ROLLED_UP, UNALLOCATED

_MS = "toUnixTimestamp64Milli(l.time)"
QUARTER = f"toDateTime64(fromUnixTimestamp64Milli({_MS} - positiveModulo({_MS}, 900000), 'UTC'), 0, 'UTC')"
LOCAL_DAY = "toDate32(l.time, {zone:String})"
UTC_DAY = "toDate32(l.time, 'UTC')"

_LATENCY_ROWS = "ARRAY JOIN ['latency', 'ttft'] AS measure, [l.latency_ms, l.ttft_ms] AS ms"
_DOUBLING = "if(ms < 64, 0, toInt64(floor(log2(ms))) - 5)"
_BUCKET = f"toUInt16(32 * {_DOUBLING} + bitShiftRight(toInt64(ms), {_DOUBLING}))"


def _plain(*names: str) -> dict[str, str]:
    return {name: f"l.{name}" for name in names}


_SUMS = {**_plain(*SUMS.names), "amount": "ifNull(l.amount, toDecimal128(0, 12))", "entries": "toInt64(1)"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollup:
    """A derived table. `local`: its days are those of the org's zone. `weekly`: its partitions are weeks."""

    table: str
    keys: Mapping[str, str]
    measures: Mapping[str, str]
    aggregate: str = "sum"
    rows: str = ""
    """How a ledger row becomes several: an ARRAY JOIN."""
    condition: str = "1"
    day: str = "t.day"
    """The day of a stored row `t`."""
    raw_day: str = LOCAL_DAY
    """The day of a ledger row."""
    local: bool = True
    weekly: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns, in the order `derive` selects them, under the names they are written by."""
        return tuple(WRITTEN_AS.get(self.table, {}).get(name, name) for name in (*self.keys, *self.measures))

    def derive(self, where: str) -> str:
        """Return the SELECT that makes this table's rows from the ledger rows `where` names."""
        keys = [f"{expression} AS `{name}`" for name, expression in self.keys.items()]
        sums = [f"{self.aggregate}({expression}) AS `{name}`" for name, expression in self.measures.items()]
        grouping = "GROUP BY ALL" if sums else ""
        source = f"FROM ledger AS l {self.rows} WHERE {self.condition} AND {where}"
        return f"SELECT {', '.join((*keys, *sums))} {source} {grouping}"


CELLS = Rollup(
    table="cells",
    keys={"org": "l.org", "quarter": QUARTER, **_plain(*ROLLED_UP)},
    measures=_SUMS,
    day="toDate32(t.quarter)",
    raw_day=UTC_DAY,
    local=False,
)
DAYS = Rollup(table="days", keys={"org": "l.org", "day": LOCAL_DAY, **_plain(*ROLLED_UP)}, measures=_SUMS)
TAG_DAYS = Rollup(
    table="tag_days",
    keys={"org": "l.org", "day": LOCAL_DAY, "tag": "tag", "value": "value", "team": "l.team", "status": "l.status"},
    measures=_SUMS,
    rows="ARRAY JOIN mapKeys(l.tags) AS tag, mapValues(l.tags) AS value",
)
EVENT_IDS = Rollup(
    table="event_ids",
    keys={
        "id_hash": "xxh3(concat(l.org, '\\x1f', l.source, '\\x1f', l.id))",
        **_plain("content_hash", "org", "team", "time", "received"),
    },
    measures={},
    day="toDate32(t.received, 'UTC')",
    raw_day="toDate32(l.received, 'UTC')",
    local=False,
    weekly=True,
)
DAY_USERS = Rollup(
    table="day_users",
    keys={"org": "l.org", "day": LOCAL_DAY, **_plain("team", "project")},
    measures={"users": "toUInt32(bitAnd(xxh3(toString(l.user)), 4294967295))"},
    aggregate="groupUniqArray",
    condition=f"l.user != '{UNALLOCATED}'",
)
DAY_LATENCY = Rollup(
    table="day_latency",
    keys={"org": "l.org", "day": LOCAL_DAY, **_plain("provider", "model"), "measure": "measure", "bucket": _BUCKET},
    measures={"entries": "toInt64(1)"},
    rows=_LATENCY_ROWS,
    condition="isNotNull(ms)",
)

MONEY = (CELLS, DAYS, TAG_DAYS)
"""Written with the block, sums of money."""

STATES = (DAY_USERS, DAY_LATENCY)
"""Summed from the ledger some blocks later."""

WITH_BLOCK = (*MONEY, EVENT_IDS)
"""Written with the block."""

ROLLUPS: Mapping[str, Rollup] = MappingProxyType({rollup.table: rollup for rollup in (*WITH_BLOCK, *STATES)})
