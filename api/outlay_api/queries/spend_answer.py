"""What a spend statement returned, as the columns people ask for.

Buckets become their start and end, unknown amounts null, and a comparison gets its difference and percentage.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from outlay_api.queries.calendar import Interval
from outlay_api.queries.grains import Ticks
from outlay_api.queries.latency import lower_bound
from outlay_api.queries.measures import Measure, Nature
from outlay_api.queries.spend import ENTRIES, UNPRICED, SpendQuery
from outlay_api.queries.spend_sql import alias
from outlay_api.queries.tables import DAY_LATENCY, Table
from outlay_schemas.arrow import AMOUNT, QUANTITY

PERCENT = pa.decimal128(38, 4)
_TYPES = {
    Nature.MONEY: AMOUNT,
    Nature.COUNT: pa.int64(),
    Nature.QUANTITY: QUANTITY,
    Nature.MILLISECONDS: pa.int64(),
}
_CENTS_OF_PERCENT = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class SpendAnswer:
    """Reads the rows that `query.to_sql(table)` returned; times are shown in `zone`."""

    query: SpendQuery
    table: Table
    zone: ZoneInfo

    @property
    def schema(self) -> pa.Schema:
        """The columns of the answer."""
        query = self.query
        fields = []
        if query.interval is not Interval.NONE:
            fields += [pa.field(name, pa.timestamp("ms", self.zone.key), nullable=False) for name in ("start", "end")]
        fields += [pa.field(field.name, pa.string()) for field in query.group_by]
        if query.top is not None:
            fields.append(pa.field("other", pa.bool_(), nullable=False))
        for measure in query.measures:
            kind = _TYPES[measure.nature]
            fields.append(pa.field(measure.name, kind))
            if query.compare is not None:
                fields += [pa.field(f"{measure.name}_{name}", kind) for name in ("previous", "delta")]
                fields.append(pa.field(f"{measure.name}_percent", PERCENT))
        return pa.schema(fields)

    def rows(self, raw: pa.Table) -> pa.Table:
        """Return the answer's rows."""
        schema = self.schema
        columns: list[pa.Array] = [*self._times(raw), *self._groups(raw)]
        for measure in self.query.measures:
            columns += self._measured(raw, measure)
        return pa.Table.from_arrays(
            [column.cast(field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
        )

    def total(self, raw: pa.Table) -> pa.Table:
        """Return the raw row of `query.total()`, as the sum of all raw rows; only where `query.adds_up`."""
        names = [name for measure in self.query.computed for name in self._names(measure)]
        return pa.table(
            {name: pa.array([pc.sum(raw[name]).as_py() or 0], raw.schema.field(name).type) for name in names}
        )

    def _names(self, measure: Measure) -> list[str]:
        name = alias(measure)
        return [name] if self.query.compare is None else [name, f"{name}_previous"]

    def _times(self, raw: pa.Table) -> list[pa.Array]:
        if self.query.interval is Interval.NONE:
            return []
        bounds = self.query.buckets.bounds
        indices = self._indices(raw)
        kind = pa.timestamp("ms", self.zone.key)
        return [pa.array(bounds[shift:], kind).take(indices) for shift in (0, 1)]

    def _indices(self, raw: pa.Table) -> pa.Array:
        """Return which bucket each row is of."""
        starts = Ticks(self.table.grain, self.query.coverage.zone).starts(self.query.buckets)
        ticks = raw["bucket"].combine_chunks().dictionary_encode()
        distinct = [max(0, bisect_right(starts, tick) - 1) for tick in ticks.dictionary.to_pylist()]
        return pa.array(distinct, pa.int64()).take(ticks.indices)

    def _groups(self, raw: pa.Table) -> list[pa.Array]:
        columns = [raw[name] for name in self.query.columns]
        if self.query.top is None:
            return columns
        other = raw["other"].cast(pa.bool_())
        return [*(pc.if_else(other, pa.scalar(None, pa.string()), column) for column in columns), other]

    def _measured(self, raw: pa.Table, measure: Measure) -> list[pa.Array]:
        value = self._known(raw, measure, "")
        if self.query.compare is None:
            return [value]
        matched = self._matched(raw)
        previous = pc.if_else(matched, self._known(raw, measure, "_previous"), pa.scalar(None, value.type))
        pairs = list(zip(value.to_pylist(), previous.to_pylist(), strict=True))
        deltas = [None if now is None or before is None else now - before for now, before in pairs]
        percents = [_percent(delta, before) for delta, (_, before) in zip(deltas, pairs, strict=True)]
        return [value, previous, pa.array(deltas, value.type), pa.array(percents, PERCENT)]

    def _matched(self, raw: pa.Table) -> pa.Array:
        """Return whether the previous period has a counterpart of each row's bucket."""
        if self.query.interval is Interval.NONE or self.query.matched is None:
            return pa.array([True] * raw.num_rows)
        return pc.less(self._indices(raw), len(self.query.matched))

    def _known(self, raw: pa.Table, measure: Measure, suffix: str) -> pa.Array:
        """Return a measure's values, null where unknown: an amount without a priced entry, a latency without any."""
        column = raw[f"{alias(measure)}{suffix}"].combine_chunks()
        match measure.nature:
            case Nature.MONEY:
                entries, unpriced = raw[f"{ENTRIES.name}{suffix}"], raw[f"{UNPRICED.name}{suffix}"]
                unknown = pc.and_(pc.greater(entries, 0), pc.equal(entries, unpriced))
                return pc.if_else(unknown, pa.scalar(None, AMOUNT), column.cast(AMOUNT)).combine_chunks()
            case Nature.MILLISECONDS:
                return pa.array(_milliseconds(column.to_pylist(), buckets=self.table is DAY_LATENCY), pa.int64())
            case nature:
                return column.cast(_TYPES[nature])


def _milliseconds(values: Sequence[int], *, buckets: bool) -> list[int | None]:
    return [None if value == 0 else lower_bound(value - 1, is_bucket=buckets) for value in values]


def _percent(delta: Any, before: Any) -> Decimal | None:
    """Return the change in percent, to 4 decimals half-even; None from nothing or the unknown."""
    if delta is None or not before:
        return None
    return (Decimal(delta) * 100 / Decimal(before)).quantize(_CENTS_OF_PERCENT, ROUND_HALF_EVEN)
