"""The spend question: sums of the ledger by time and dimension."""

from __future__ import annotations

from dataclasses import dataclass, replace

from outlay_api.queries.calendar import Buckets, Interval
from outlay_api.queries.coverage import Coverage
from outlay_api.queries.fields import Field
from outlay_api.queries.filters import Filter
from outlay_api.queries.measures import Measure
from outlay_api.queries.planner import Need, candidates
from outlay_api.queries.spend_sql import write
from outlay_api.queries.statement import InvalidQuery, Statement
from outlay_api.queries.tables import Table
from outlay_schemas.dimensions import ROLLED_UP

AMOUNT, ENTRIES, UNPRICED = Measure("amount"), Measure("entries"), Measure("unpriced")


@dataclass(frozen=True, slots=True)
class Order:
    """What rows are sorted by within a bucket: a measure or a dimension."""

    name: str
    descending: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendQuery:
    """One question about an organisation's spend.

    `compare` cuts the previous period like `buckets`: bucket `i` there is compared with bucket `i` here.
    """

    org: str
    buckets: Buckets
    interval: Interval
    coverage: Coverage
    group_by: tuple[Field, ...] = ()
    filters: tuple[Filter, ...] = ()
    measures: tuple[Measure, ...] = (AMOUNT, Measure("calls"), UNPRICED)
    order: Order = Order("amount", descending=True)
    top: int | None = None
    compare: Buckets | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        """Refuse what has no meaning, naming the parameter."""
        measures = {measure.name: measure for measure in self.measures}
        if self.order.name not in measures and self.order.name not in {field.name for field in self.group_by}:
            raise InvalidQuery("order", f"{self.order.name!r} is neither grouped by nor measured")
        if self.top is not None and not self.group_by:
            raise InvalidQuery("top", "there is nothing to rank; add group_by")
        if self.top is not None and not (self.order.name in measures and measures[self.order.name].additive):
            raise InvalidQuery("order", f"top ranks by a measure that adds up, and {self.order.name!r} does not")

    @property
    def computed(self) -> tuple[Measure, ...]:
        """What is summed: the measures, and the counts that tell whether an amount is known."""
        needed = (ENTRIES, UNPRICED) if AMOUNT in self.measures else ()
        return tuple(dict.fromkeys((*self.measures, *needed)))

    @property
    def columns(self) -> tuple[str, ...]:
        """The result column of each `group_by` field."""
        return tuple(field.name if field.tag is None else f"tag_{at}" for at, field in enumerate(self.group_by))

    @property
    def matched(self) -> Buckets | None:
        """The buckets of the previous period that have a counterpart."""
        return self.compare and Buckets(self.compare.bounds[: len(self.buckets.bounds)])

    @property
    def adds_up(self) -> bool:
        """Whether the rows, when none are cut off, sum to the total."""
        whole = self.compare is None or self.compare == self.matched
        return whole and all(measure.additive for measure in self.measures)

    def tables(self) -> tuple[Table, ...]:
        """Return every table that answers exactly, cheapest first; raise `InvalidQuery` when none does."""
        bounds = self.buckets.bounds + (self.compare.bounds if self.compare else ())
        found = candidates(Need(self.group_by, self.filters, self.computed, bounds, self.coverage))
        if not found:
            since = self.coverage.ledger_from
            raise InvalidQuery(
                "from",
                f"single entries are kept since {since:%Y-%m-%d}; before, only whole quarter hours can be asked for by "
                f"{', '.join(ROLLED_UP)}, and whole days by one tag with team and status",
            )
        return found

    def total(self) -> SpendQuery:
        """Return the same question about the whole window, without groups."""
        return replace(
            self,
            buckets=self.buckets.whole,
            compare=self.compare and self.compare.whole,
            interval=Interval.NONE,
            group_by=(),
            order=Order(self.measures[0].name, descending=True),
            top=None,
            limit=None,
        )

    def to_sql(self, table: Table | None = None) -> Statement:
        """Return the statement over `table` (which must answer exactly), or over the cheapest that does."""
        return write(self, table or self.tables()[0])
