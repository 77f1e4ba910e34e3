"""A spend question as SQL over one table, in one pass.

An inner query sums by bucket and group. Only when the top groups are wanted, or two periods compared, do outer queries
fold those few rows, so that `other` and both periods come from the same reading and add up to the last digit.
Aliases: `t` is a table's rows, `s` its sums, `w` weighed sums, `r` what is folded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from outlay_api.queries.calendar import Interval
from outlay_api.queries.grains import Ticks
from outlay_api.queries.measures import Measure
from outlay_api.queries.statement import Binder, Statement
from outlay_api.queries.tables import DAYS, Table
from outlay_schemas.dimensions import UNALLOCATED

if TYPE_CHECKING:
    from outlay_api.queries.spend import SpendQuery


def write(query: SpendQuery, table: Table) -> Statement:
    """Return the statement that answers `query` from `table`.

    Columns: `bucket` (tick of `grains.Ticks`) when time is cut, `other` with top, `query.columns`, then each computed
    measure (`alias`), with `_previous` beside it when compared.
    """
    return _Writer(query, table, Ticks(table.grain, query.coverage.zone)).statement()


def alias(measure: Measure) -> str:
    """Return the result column of a measure."""
    return measure.name if measure.unit is None else f"unit_{measure.unit}"


@dataclass(frozen=True, slots=True)
class _Writer:
    query: SpendQuery
    table: Table
    ticks: Ticks
    bind: Binder = field(default_factory=Binder)

    def statement(self) -> Statement:
        query = self.query
        folded = query.top is not None or query.compare is not None
        sql = self._sums(partial=folded)
        if query.top is not None:
            sql = self._ranks(sql)
        if folded:
            sql = self._folds(sql)
        if ordering := list(self._ordering()):
            sql += f"\nORDER BY {', '.join(ordering)}"
        if query.limit is not None:
            sql += f"\nLIMIT {query.limit}"
        return Statement(sql, self.bind.params)

    @property
    def _by_time(self) -> bool:
        return self.query.interval is not Interval.NONE

    def _sums(self, *, partial: bool) -> str:
        query, bind = self.query, self.bind
        source, conditions = self._source()
        for at, each in enumerate(query.filters):
            conditions.append(each.condition(bind, slot=f"filter_tag_{at}", column=self._tag_column(each.field.tag)))
        selected = [f"{self._bucket()} AS bucket"] if self._by_time or query.compare else []
        for at, (kept, name) in enumerate(zip(query.group_by, query.columns, strict=True)):
            column = self._tag_column(kept.tag) or kept.column(bind, slot=f"group_tag_{at}")
            selected.append(f"{column} AS {name}")
        groups = [column.rpartition(" AS ")[2] for column in selected]
        for at, measure in enumerate(query.computed):
            aggregate = measure.partial if partial else measure.value
            selected.append(f"{aggregate(self.table, bind, slot=f'unit_{at}')} AS {alias(measure)}")
        sql = _select(selected, source, conditions, groups)
        return f"{sql}\nHAVING sum(t.entries) != 0" if source != f"{self.table.name} AS t" and groups else sql

    def _source(self) -> tuple[str, list[str]]:
        """Return what to read, and the conditions on organisation, time and tag."""
        org = f"t.org = {self.bind('org', 'String', self.query.org)}"
        conditions = [org, self._within(), *self._presence()]
        if not self.table.one_tag:
            return f"{self.table.name} AS t", conditions
        tagged = [org, f"t.tag = {self.bind('tag', 'String', self._tag)}", conditions[1]]
        if any(each.needs_tag for each in self.query.filters):
            return f"{self.table.name} AS t", tagged
        return self._with_untagged(tagged, conditions), []

    def _presence(self) -> list[str]:
        """Return the condition that a row adds to some measure, when there are rows that add to none."""
        present = [measure.presence(self.table) for measure in self.query.computed]
        known = [condition for condition in dict.fromkeys(present) if condition is not None]
        if len(known) < len(set(present)):
            return []
        return [known[0] if len(known) == 1 else f"({' OR '.join(known)})"]

    def _with_untagged(self, tagged: list[str], conditions: list[str]) -> str:
        """Return the tag's rows and, as `unallocated`, all days less the tag's rows: what does not carry it."""
        names = {"unpriced": "entries"}
        summed = list(dict.fromkeys(names.get(each.name, each.name) for each in self.query.computed))
        summed = summed if "entries" in summed else [*summed, "entries"]
        kept = ["t.day AS day", "t.team AS team", "t.status AS status"]
        missing = f"'{UNALLOCATED}' AS value"
        plus, minus = [f"t.{name} AS {name}" for name in summed], [f"-t.{name} AS {name}" for name in summed]
        parts = [
            _select([*kept, "t.value AS value", *plus], "tag_days AS t", tagged),
            _select([*kept, missing, *plus], f"{DAYS.name} AS t", conditions),
            _select([*kept, missing, *minus], "tag_days AS t", tagged),
        ]
        return "(\n" + "\nUNION ALL\n".join(parts) + "\n) AS t"

    @property
    def _tag(self) -> str | None:
        fields = [*self.query.group_by, *(each.field for each in self.query.filters)]
        return next(each.tag for each in fields if each.tag is not None)

    def _tag_column(self, tag: str | None) -> str | None:
        return "t.value" if tag is not None and self.table.one_tag else None

    def _within(self) -> str:
        spans = [self.ticks.within(self.query.buckets.window, self.bind)]
        if self.query.matched is not None:
            spans.append(self.ticks.within(self.query.matched.window, self.bind, prefix="previous_"))
        return spans[0] if len(spans) == 1 else f"({' OR '.join(spans)})"

    def _bucket(self) -> str:
        if self.query.matched is None:
            return self.ticks.bucket(self.query.buckets, self.bind)
        before = self.ticks.starts(self.query.matched)
        ticks = [*before, *self.ticks.starts(self.query.buckets)]
        return self.ticks.floor(ticks, self.query.buckets.window.end, self.bind)

    def _ranks(self, sums: str) -> str:
        """Mark the groups beyond the top ones by their rank over the whole window."""
        query = self.query
        names = ", ".join(query.columns)
        measure = next(each for each in query.measures if each.name == query.order.name)
        weight = measure.merge(f"s.{alias(measure)}", self.table, where=self._current("s"))
        weighed = _select(["s.*", f"{weight} OVER (PARTITION BY {names}) AS weight"], f"(\n{sums}\n) AS s")
        order = f"weight {_direction(query.order.descending)}, {names}"
        rank = f"dense_rank() OVER (ORDER BY {order}) > {self.bind('top', 'UInt32', query.top)} AS other"
        return _select(["w.*", rank], f"(\n{weighed}\n) AS w")

    def _folds(self, rows: str) -> str:
        """Sum rows once more: groups beyond the top into one, the previous period beside the current one."""
        query, current = self.query, self._current("r")
        selected = [f"{self._shown_bucket()} AS bucket"] if self._by_time else []
        selected += ["r.other AS other"] if query.top is not None else []
        for name in query.columns:
            selected.append(f"if(r.other, '', r.{name}) AS {name}" if query.top is not None else f"r.{name} AS {name}")
        groups = [column.rpartition(" AS ")[2] for column in selected]
        for measure in query.computed:
            name = alias(measure)
            selected.append(f"{measure.merge(f'r.{name}', self.table, where=current)} AS {name}")
            if current is not None:
                previous = measure.merge(f"r.{name}", self.table, where=f"NOT ({current})")
                selected.append(f"{previous} AS {name}_previous")
        return _select(selected, f"(\n{rows}\n) AS r", groups=groups)

    def _shown_bucket(self) -> str:
        """Return the current bucket that a row counts toward: its own, or its counterpart's."""
        if self.query.matched is None:
            return "r.bucket"
        before = self.ticks.starts(self.query.matched)
        after = self.ticks.starts(self.query.buckets)[: len(before)]
        earlier, later = self.bind("earlier", "Array(Int64)", before), self.bind("later", "Array(Int64)", after)
        return f"transform(r.bucket, {earlier}, {later}, r.bucket)"

    def _current(self, rows: str) -> str | None:
        """Return the condition that a row is of the current period; None when there is no other."""
        if self.query.compare is None:
            return None
        first = self.ticks.of(self.query.buckets.bounds[0])
        return f"{rows}.bucket >= {self.bind('current', 'Int64', first)}"

    def _ordering(self) -> Iterator[str]:
        query = self.query
        if self._by_time:
            yield "bucket"
        if query.top is not None:
            yield "other"
        if query.group_by:
            names = dict(zip((each.name for each in query.group_by), query.columns, strict=True))
            names |= {measure.name: alias(measure) for measure in query.measures}
            first = names[query.order.name]
            yield f"{first} {_direction(query.order.descending)}"
            yield from (name for name in query.columns if name != first)


def _select(
    columns: list[str], source: str, conditions: list[str] | None = None, groups: list[str] | None = None
) -> str:
    sql = f"SELECT {', '.join(columns)}\nFROM {source}"
    if conditions:
        sql += f"\nWHERE {' AND '.join(conditions)}"
    return f"{sql}\nGROUP BY {', '.join(groups)}" if groups else sql


def _direction(descending: bool) -> str:
    return "DESC" if descending else "ASC"
