"""A spend question as it is sent, read into a `SpendQuery`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from outlay_api.queries.calendar import Interval, cut
from outlay_api.queries.coverage import Coverage
from outlay_api.queries.fields import parse_fields
from outlay_api.queries.filters import parse_filters
from outlay_api.queries.measures import parse_measures
from outlay_api.queries.periods import DEFAULT_PERIOD, previous, read_window
from outlay_api.queries.spend import AMOUNT, Order, SpendQuery
from outlay_api.queries.statement import InvalidQuery

MAX_GROUPS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendRequest:
    """The parameters of a spend question, as sent."""

    start: str | None = None
    end: str | None = None
    period: str | None = None
    interval: Interval = Interval.NONE
    group_by: Sequence[str] = ()
    filters: Sequence[str] = ()
    measures: Sequence[str] = ()
    order: str | None = None
    top: int | None = None
    compare: bool = False
    limit: int | None = None

    def read(self, org: str, *, coverage: Coverage, zone: ZoneInfo, now: datetime) -> SpendQuery:
        """Return the question; raise `InvalidQuery` naming the parameter that cannot be understood."""
        asked = read_window(
            start=self.start, end=self.end, period=self.period, zone=zone, now=now, default=DEFAULT_PERIOD
        )
        fields = parse_fields(self.group_by, parameter="group_by")
        if len(fields) > MAX_GROUPS:
            raise InvalidQuery("group_by", f"{len(fields)} dimensions; at most {MAX_GROUPS} make a group")
        measures = parse_measures(self.measures)
        default = AMOUNT if AMOUNT in measures else measures[0]
        return SpendQuery(
            org=org,
            buckets=cut(asked.window, self.interval, zone),
            interval=self.interval,
            coverage=coverage,
            group_by=fields,
            filters=parse_filters(self.filters),
            measures=measures,
            order=_order(self.order) or Order(default.name, descending=True),
            top=self.top,
            compare=cut(previous(asked, zone), self.interval, zone) if self.compare else None,
            limit=self.limit,
        )


def _order(text: str | None) -> Order | None:
    """Return the order that `text` names; a leading `-` means descending."""
    return None if text is None else Order(text.removeprefix("-"), descending=text.startswith("-"))
