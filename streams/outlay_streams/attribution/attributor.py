"""Attribution of a whole batch: each distinct combination resolved once, then gathered by index."""

from __future__ import annotations

from itertools import repeat
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from outlay_schemas.arrow import TIME
from outlay_schemas.catalog import Catalog
from outlay_schemas.dimensions import ATTRIBUTION, UNALLOCATED
from outlay_streams.attribution.columns import Coded, Codes, code, combine, whole
from outlay_streams.attribution.reading import scope_of
from outlay_streams.attribution.resolver import Resolver, parts_of
from outlay_streams.attribution.rule_id import format_rule_id
from outlay_streams.attribution.timeline import BEGINNING, Dated, boundaries

RESOLVED = pa.schema([pa.field(name, pa.string(), nullable=False) for name in (*ATTRIBUTION, "rule_id")])

_Values: TypeAlias = tuple[str | None, ...]
"""What an event says in each column that is read, or what stands for it."""

_Answer: TypeAlias = tuple[str | None, ...]
"""The values of the dimensions the catalog may give, None where the event's own stands, and the rule id last."""


class Attributor:
    """Resolves events against one catalog. Not for several threads at once."""

    __slots__ = ("_answers", "_boundaries", "_cache_size", "_resolver", "_scope")

    def __init__(self, catalog: Catalog, *, cache_size: int = 65_536) -> None:
        self._resolver = Resolver(catalog)
        self._scope = scope_of(self._resolver)
        dated: tuple[Dated, ...] = (*catalog.keys, *catalog.rules, *catalog.apps, *catalog.projects, *catalog.teams)
        self._boundaries = np.array(boundaries(dated), dtype=np.int64)
        self._answers: dict[tuple[int, _Values], _Answer] = {}
        self._cache_size = cache_size

    def resolve(self, usage: pa.Table) -> pa.Table:
        """Return the attribution columns and `rule_id` of each row of `usage` (schema USAGE), without nulls."""
        if not usage.num_rows:
            return RESOLVED.empty_table()
        answers, index = self._answer(usage)
        given = {
            name: pa.array(column, pa.string())
            for name, column in zip((*self._scope.written, "rule_id"), zip(*answers, strict=True), strict=True)
        }
        columns = [_settled(whole(usage.column(name)), given.get(name), index) for name in ATTRIBUTION]
        return pa.table([*columns, given["rule_id"].take(index)], schema=RESOLVED)

    def _answer(self, usage: pa.Table) -> tuple[list[_Answer], pa.Array]:
        """Return the answers to the batch's distinct combinations, and which of them each row takes."""
        spans = self._spans(usage)
        coded = [code(usage, reading.column, reading.stand_in) for reading in self._scope.readings]
        first, index = combine(
            [(spans, len(self._boundaries) + 1), *((column.codes, len(column.values)) for column in coded)],
            usage.num_rows,
        )
        said = zip(*(_pick(column, first) for column in coded), strict=True) if coded else repeat((), len(first))
        return [self._recall(*combination) for combination in zip(spans[first].tolist(), said, strict=True)], pa.array(
            index
        )

    def _spans(self, usage: pa.Table) -> Codes:
        """Return which stretch between effective dates each event falls in."""
        if not len(self._boundaries):
            return np.zeros(usage.num_rows, dtype=np.int64)
        times = whole(usage.column("time")).cast(TIME).cast(pa.int64()).to_numpy()
        return np.asarray(np.searchsorted(self._boundaries, times, side="right"), dtype=np.int64)

    def _recall(self, span: int, values: _Values) -> _Answer:
        answer = self._answers.get((span, values))
        if answer is None:
            if len(self._answers) >= self._cache_size:
                self._answers.clear()
            answer = self._answers[span, values] = self._work_out(span, values)
        return answer

    def _work_out(self, span: int, values: _Values) -> _Answer:
        said = {reading.column: value for reading, value in zip(self._scope.readings, values, strict=True)}
        given = self._resolver.resolve(said, int(self._boundaries[span - 1]) if span else BEGINNING)
        decided = (given[name].value if name in given else None for name in self._scope.written)
        return (*decided, format_rule_id(parts_of(given, self._resolver.rules)))


def _pick(column: Coded, rows: Codes) -> list[str | None]:
    return [column.values[place] for place in column.codes[rows].tolist()]


def _settled(said: pa.Array, given: pa.Array | None, index: pa.Array) -> pa.Array:
    """Return what is given, else what was said, else `unallocated`."""
    if given is None or given.null_count == len(given):
        settled = pc.fill_null(said, UNALLOCATED)
    else:
        settled = pc.coalesce(given.take(index), said, pa.scalar(UNALLOCATED))
    empty = pc.equal(settled, "")
    return pc.if_else(empty, UNALLOCATED, settled) if pc.any(empty).as_py() else settled
