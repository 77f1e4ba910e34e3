"""What can be measured: sums that add up, and states (users, latency) that merge.

Every measure is written in two parts, so that groups can be folded once more (into `other`, or into two periods to
compare) and stay exact: a `partial` over a table's rows, and a `merge` over partials.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from outlay_api.queries.fields import split_list
from outlay_api.queries.statement import Binder, InvalidQuery
from outlay_api.queries.tables import DAY_LATENCY, DAY_USERS, LATENCIES, LEDGER, Table
from outlay_schemas.dimensions import UNALLOCATED
from outlay_schemas.units import CALLS, FREQUENT, UNIT_NAME

QUANTITY_PREFIX = "quantities."
DEFAULT_MEASURES = ("amount", "calls")
NAMED = ("amount", "entries", "unpriced", "calls", *FREQUENT, "users", *sorted(LATENCIES))


class Nature(StrEnum):
    """How a measure's value is read."""

    MONEY = "money"
    COUNT = "count"
    QUANTITY = "quantity"
    MILLISECONDS = "milliseconds"


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure by its public name; an open unit is `quantities.UNIT`."""

    name: str

    @property
    def unit(self) -> str | None:
        """The open unit it sums, if it is one."""
        return self.name.removeprefix(QUANTITY_PREFIX) if self.name.startswith(QUANTITY_PREFIX) else None

    @property
    def nature(self) -> Nature:
        """How its value is read."""
        if self.name == "amount":
            return Nature.MONEY
        if self.unit is not None:
            return Nature.QUANTITY
        return Nature.MILLISECONDS if self.name in LATENCIES else Nature.COUNT

    @property
    def additive(self) -> bool:
        """Whether the values of two groups add up to that of both."""
        return self.name != "users" and self.name not in LATENCIES

    def value(self, table: Table, bind: Binder, *, slot: str) -> str:
        """Return the aggregate over rows `t` of `table`."""
        return self._over(table, bind, slot, suffix="")

    def partial(self, table: Table, bind: Binder, *, slot: str) -> str:
        """Return the aggregate over rows `t` of `table` in the form that `merge` takes."""
        return self._over(table, bind, slot, suffix="" if self.additive else "State")

    def merge(self, column: str, table: Table, *, where: str | None = None) -> str:
        """Return the aggregate of partials of `table` in `column`, of those rows where a condition holds."""
        combinator, more = ("If", f", {where}") if where else ("", "")
        if self.additive:
            return f"sum{combinator}({column}{more})"
        if self.name == "users":
            return f"uniqExact{'Array' if table is DAY_USERS else ''}Merge{combinator}({column}{more})"
        return f"quantileExactWeightedMerge{combinator}({self._level})({column}{more})"

    def presence(self, table: Table) -> str | None:
        """Return the condition that a row `t` adds to the measure; None when every row does."""
        if self.name == "users":
            return f"t.user != '{UNALLOCATED}'" if table is not DAY_USERS else None
        if self.name not in LATENCIES:
            return None
        return f"t.measure = '{self._timed}'" if table is DAY_LATENCY else f"{self._milliseconds} IS NOT NULL"

    @property
    def _level(self) -> str:
        return f"0.{self.name[-2:]}"

    def _over(self, table: Table, bind: Binder, slot: str, *, suffix: str) -> str:
        if self.name == "users":
            if table is DAY_USERS:
                return f"uniqExactArray{suffix}(t.users)"
            # The same 32-bit hashes that day_users keeps, so that both count alike.
            return f"uniqExact{suffix}If(toUInt32(xxh3(t.user)), {self.presence(table)})"
        if self.name in LATENCIES:
            return self._quantile(table, suffix)
        if self.unit is not None:
            return f"sum(t.quantities[{bind(slot, 'String', self.unit)}])"
        return _ledger_sum(self.name) if table is LEDGER else _rollup_sum(self.name)

    def _quantile(self, table: Table, suffix: str) -> str:
        # One more than the value, because the quantile of nothing is 0.
        value, weight = "toUInt32(t.bucket) + 1", "toUInt64(t.entries)"
        if table is not DAY_LATENCY:
            value, weight = f"toUInt32(ifNull({self._milliseconds}, 0)) + 1", "1"
        return f"quantileExactWeighted{suffix}If({self._level})({value}, {weight}, {self.presence(table)})"

    @property
    def _timed(self) -> str:
        return self.name.partition("_")[0]

    @property
    def _milliseconds(self) -> str:
        return f"t.{self._timed}_ms"


def _ledger_sum(name: str) -> str:
    match name:
        case "amount":
            return "sum(ifNull(t.amount, 0))"
        case "entries":
            return "toInt64(count())"
        case "unpriced":
            return "toInt64(countIf(t.status = 'unpriced'))"
        case _:
            return f"sum(t.{name})"


def _rollup_sum(name: str) -> str:
    return "sumIf(t.entries, t.status = 'unpriced')" if name == "unpriced" else f"sum(t.{name})"


def parse_measures(values: Iterable[str]) -> tuple[Measure, ...]:
    """Return the measures of a repeatable, comma-separated parameter; `unpriced` always follows `amount`."""
    names = [name.strip() for value in values for name in split_list(value) if name.strip()] or [*DEFAULT_MEASURES]
    found = dict.fromkeys(_measure(name) for name in names)
    if Measure("amount") in found:
        found.setdefault(Measure("unpriced"))
    return tuple(found)


def _measure(name: str) -> Measure:
    if name == CALLS:
        return Measure("calls")
    if name in NAMED:
        return Measure(name)
    unit = name.removeprefix(QUANTITY_PREFIX)
    if unit in FREQUENT:
        return Measure(unit)
    if name.startswith(QUANTITY_PREFIX) and UNIT_NAME.fullmatch(unit):
        return Measure(name)
    known = ", ".join(NAMED)
    raise InvalidQuery("measures", f"{name!r} is not a measure; use one of {known}, or quantities.UNIT")
