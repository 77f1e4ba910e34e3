"""Decoded Avro columns laid out as `USAGE`, with the rows that are certainly valid by `UsageEvent`.

Columns say yes or "not certain", never no: what they are not certain of, the reference decoder reads again.
"""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from outlay_schemas.arrow import AMOUNT, QUANTITIES, TAGS, TIME, USAGE
from outlay_schemas.codec import USAGE_EVENT
from outlay_schemas.units import FREQUENT
from outlay_schemas.usage import MAX_COUNT, MAX_FUTURE, MAX_TAGS, Category, Kind, Outcome
from outlay_streams.decode import avro_text
from outlay_streams.decode.avro_layout import Layout
from outlay_streams.decode.avro_maps import Pairs, none
from outlay_streams.decode.avro_quantities import amounts, quantities
from outlay_streams.decode.avro_sizes import sizes
from outlay_streams.decode.avro_values import Mask, integers, offsets, present
from outlay_streams.decode.batch import FIRST_TIME

_DEFAULTS: dict[str, Any] = {field["name"]: field["default"] for field in USAGE_EVENT["fields"] if "default" in field}
_CHOICES = {
    "kind": pa.array(get_args(Kind)),
    "outcome": pa.array(get_args(Outcome)),
    "category": pa.array([*get_args(Category), None]),
}
_TEXTS = tuple(field.name for field in USAGE if pa.types.is_string(field.type) and field.name != "org")
_FIRST = int(FIRST_TIME.timestamp()) * 1_000_000
_AHEAD = MAX_FUTURE // type(MAX_FUTURE)(milliseconds=1)
_MILLISECONDS = 2**31 - 1


class Columns:
    """One batch from the bulk decoder.

    `lengths` are the bytes of each event with its framing; its time is held against `now`, milliseconds of the epoch.
    """

    def __init__(
        self, batch: pa.RecordBatch, layout: Layout, *, lengths: npt.NDArray[np.int64], now: npt.NDArray[np.int64]
    ) -> None:
        self._batch = batch
        self._layout = layout
        self._now = now
        self._good: Mask = self._size() == lengths

    def usage(self) -> tuple[pa.Table, Mask]:
        """Return the batch as `USAGE`, org empty, and which rows are certainly valid; the others may hold anything."""
        rows = self._batch.num_rows
        columns = {name: self._text(name) for name in _TEXTS}
        columns |= {name: self._count(name) for name in FREQUENT}
        columns |= {name: self._milliseconds(name) for name in ("latency_ms", "ttft_ms")}
        columns |= {name: self._amount(name) for name in ("amount", "provider_cost")}
        columns["org"] = pa.repeat("", rows)
        columns["time"] = self._time()
        columns["tags"] = self._tags()
        columns["estimated"] = self._column("estimated", pa.bool_())
        columns["quantities"], said = self._quantities()
        used = pc.equal(columns["kind"], "usage")
        columns["calls"] = pc.coalesce(said, used.cast(pa.int64()))
        self._require(pc.xor(used, columns["amount"].is_valid()))
        return pa.Table.from_arrays([columns[name] for name in USAGE.names], schema=USAGE), self._good

    def _size(self) -> npt.NDArray[np.int64]:
        parts = (sizes(self._batch.column(place), shape) for place, shape in enumerate(self._layout.shapes))
        return sum(parts, np.zeros(self._batch.num_rows, np.int64))

    def _column(self, name: str, kind: pa.DataType) -> pa.Array:
        """Return the column as it was decoded, or the default of a field that the writer does not have."""
        place = self._layout.columns.get(name)
        if place is not None:
            return self._batch.column(place)
        return pa.repeat(pa.scalar(_DEFAULTS[name], kind), self._batch.num_rows)

    def _require(self, good: pa.Array) -> None:
        self._good &= good.to_numpy(zero_copy_only=False)

    def _text(self, name: str) -> pa.Array:
        column = self._column(name, pa.string())
        if name in _CHOICES:
            self._require(pc.is_in(column, value_set=_CHOICES[name]))
        elif name in self._layout.columns:
            self._good &= avro_text.valid(column)
        return column

    def _whole(self, name: str, most: int) -> pa.Array:
        column = self._column(name, pa.int64())
        values, there = integers(column), present(column)
        good = (values >= 0) & (values <= most)
        self._good &= good if there is None else good | ~there
        return column

    def _count(self, name: str) -> pa.Array:
        return self._whole(name, MAX_COUNT).fill_null(0)

    def _milliseconds(self, name: str) -> pa.Array:
        return self._whole(name, _MILLISECONDS).cast(pa.int32(), safe=False)

    def _amount(self, name: str) -> pa.Array:
        if name not in self._layout.columns:
            return pa.nulls(self._batch.num_rows, AMOUNT)
        decimals, good = amounts(self._column(name, pa.string()), AMOUNT)
        self._good &= good
        return decimals

    def _time(self) -> pa.Array:
        micros = integers(self._column("time", pa.int64()))
        self._good &= (micros >= _FIRST) & (micros <= (self._now + _AHEAD) * 1000)
        return pa.array(micros // 1000).cast(TIME)

    def _tags(self) -> pa.Array:
        if "tags" not in self._layout.columns:
            return none(self._batch.num_rows, TAGS)
        column = self._column("tags", TAGS)
        bounds = offsets(column)
        pairs = Pairs(bounds, column.keys, column.items)
        self._good &= np.diff(bounds) <= MAX_TAGS
        fit = avro_text.valid(pairs.keys) & avro_text.valid(pairs.items, least=0)
        if not fit.all():
            self._good[pairs.rows[~fit]] = False
        ordered, twice = pairs.in_order()
        self._good[twice] = False
        return ordered.as_map(TAGS)

    def _quantities(self) -> tuple[pa.Array, pa.Array]:
        rows = self._batch.num_rows
        if "quantities" not in self._layout.columns:
            return none(rows, QUANTITIES), pa.nulls(rows, pa.int64())
        return quantities(self._column("quantities", QUANTITIES), self._layout.item, self._good)
