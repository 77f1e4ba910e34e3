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
from outlay_streams.attribution.fields import Said
from outlay_streams.attribution.reading import readings, written
from outlay_streams.attribution.resolver import Resolver
from outlay_streams.attribution.rules import CompiledRule
from outlay_streams.attribution.timeline import BEGINNING, Dated, boundaries

RESOLVED = pa.schema([pa.field(name, pa.string(), nullable=False) for name in (*ATTRIBUTION, "rule_id")])

_Values: TypeAlias = tuple[str | None, ...]
"""What an event says in each column that is read, or what stands for it."""

_Answer: TypeAlias = tuple[str | None, ...]
"""The values of the dimensions the catalog may give, None where the event's own stands, and the rule id last."""


class Attributor:
    """Resolves events against one catalog. What it remembers is a shortcut only, so threads may share it."""

    __slots__ = ("_answers", "_applied", "_boundaries", "_cache_size", "_matched", "_readings", "_resolver", "_written")

    def __init__(self, catalog: Catalog, *, cache_size: int = 65_536) -> None:
        self._resolver = Resolver(catalog)
        self._readings = readings(self._resolver)
        self._written = written(catalog)
        self._matched = [(place, each.matched) for place, each in enumerate(self._readings) if each.matched]
        dated: tuple[Dated, ...] = (*catalog.keys, *catalog.rules, *catalog.apps, *catalog.projects, *catalog.teams)
        self._boundaries = np.array(boundaries(dated), dtype=np.int64)
        self._answers: dict[tuple[int, _Values], _Answer] = {}
        self._applied: dict[tuple[int, _Values], tuple[CompiledRule, ...]] = {}
        self._cache_size = cache_size

    def resolve(self, usage: pa.Table) -> pa.Table:
        """Return the attribution columns and `rule_id` of each row of `usage` (schema USAGE), without nulls."""
        if not usage.num_rows:
            return RESOLVED.empty_table()
        answers, index = self._answer(usage)
        given = {
            name: pa.array(column, pa.string())
            for name, column in zip((*self._written, "rule_id"), zip(*answers, strict=True), strict=True)
        }
        columns = [_settled(whole(usage.column(name)), given.get(name), index) for name in ATTRIBUTION]
        return pa.table([*columns, given["rule_id"].take(index)], schema=RESOLVED)

    def _answer(self, usage: pa.Table) -> tuple[list[_Answer], pa.Array]:
        """Return the answers to the batch's distinct combinations, and which of them each row takes."""
        spans = self._spans(usage)
        coded = [code(usage, reading.column, reading.stand_ins) for reading in self._readings]
        first, index = combine(
            [(spans, len(self._boundaries) + 1), *((column.codes, len(column.values)) for column in coded)],
            usage.num_rows,
        )
        said = zip(*(_pick(column, first) for column in coded), strict=True) if coded else repeat((), len(first))
        answers = [self._recall(*combination) for combination in zip(spans[first].tolist(), said, strict=True)]
        return answers, pa.array(index)

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
                self._answers, self._applied = {}, {}
            answer = self._answers[span, values] = self._work_out(span, values)
        return answer

    def _work_out(self, span: int, values: _Values) -> _Answer:
        said = {reading.column: value for reading, value in zip(self._readings, values, strict=True)}
        at = int(self._boundaries[span - 1]) if span else BEGINNING
        given = self._resolver.resolve(said, at, self._applying(span, at, said, values))
        decided = (given[name].value if name in given else None for name in self._written)
        return (*decided, self._resolver.rule_id(given))

    def _applying(self, span: int, at: int, said: Said, values: _Values) -> tuple[CompiledRule, ...]:
        """Return the rules that match; what templates copy makes many combinations, but few that rules tell apart."""
        alike = tuple(classes.stand_ins((values[place],))[0] for place, classes in self._matched)
        applying = self._applied.get((span, alike))
        if applying is None:
            applying = self._applied[span, alike] = self._resolver.applying(said, at)
        return applying


def _pick(column: Coded, rows: Codes) -> list[str | None]:
    return [column.values[place] for place in column.codes[rows].tolist()]


def _settled(said: pa.Array, given: pa.Array | None, index: pa.Array) -> pa.Array:
    """Return what is given, else what was said, else `unallocated`."""
    if pa.types.is_dictionary(said.type):
        said = said.dictionary_decode()
    if given is None or given.null_count == len(given):
        settled = pc.fill_null(said, UNALLOCATED)
    else:
        settled = pc.coalesce(given.take(index), said, pa.scalar(UNALLOCATED))
    empty = pc.equal(settled, "")
    return pc.if_else(empty, UNALLOCATED, settled) if pc.any(empty).as_py() else settled
