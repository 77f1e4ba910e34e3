"""Which table answers: the cheapest that answers exactly.

A table answers exactly when it keeps every dimension asked about, every measure, and time finely enough that all bounds
of the buckets fall between its rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from outlay_api.queries.calendar import QUARTER_HOUR, midnight
from outlay_api.queries.coverage import Coverage
from outlay_api.queries.fields import Field
from outlay_api.queries.filters import Filter
from outlay_api.queries.measures import Measure
from outlay_api.queries.tables import TABLES, Grain, Table


@dataclass(frozen=True, slots=True)
class Need:
    """What a question asks of a table; `bounds` are all instants at which it cuts time."""

    group_by: tuple[Field, ...]
    filters: tuple[Filter, ...]
    measures: tuple[Measure, ...]
    bounds: tuple[datetime, ...]
    coverage: Coverage


def candidates(need: Need) -> tuple[Table, ...]:
    """Return every table that answers exactly, cheapest first.

    The ledger is among them unless retention removed entries of the window; then there may be none.
    """
    return tuple(table for table in TABLES if _answers(table, need))


def _answers(table: Table, need: Need) -> bool:
    return (
        (table.measures is None or all(measure.name in table.measures for measure in need.measures))
        and _keeps_dimensions(table, need)
        and _covers(table.grain, need.bounds, need.coverage)
    )


def _keeps_dimensions(table: Table, need: Need) -> bool:
    if table.dimensions is None:
        return True
    fields = [*need.group_by, *(each.field for each in need.filters)]
    tags = {field.tag for field in fields if field.tag is not None}
    return len(tags) == int(table.one_tag) and all(
        field.name in table.dimensions for field in fields if field.tag is None
    )


def _covers(grain: Grain, bounds: Iterable[datetime], coverage: Coverage) -> bool:
    """Return whether a table of that grain has all that time, and no row that lies across one of the bounds."""
    match grain:
        case Grain.INSTANT:
            return coverage.ledger_from is None or min(bounds) >= coverage.ledger_from
        case Grain.QUARTER:
            return all(bound.timestamp() % QUARTER_HOUR == 0 for bound in bounds)
        case Grain.DAY:
            zone = coverage.zone
            return coverage.days_kept and all(
                midnight(bound.astimezone(zone).date(), zone) == bound for bound in bounds
            )
