"""Parameters that the reading routes share, and how a question without an answer is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from fastapi import Depends, Query

from outlay_api.auth.dependencies import Caller, require
from outlay_api.http.formats import FormatName
from outlay_api.http.problems import Fault, Problem
from outlay_api.queries.statement import InvalidQuery

Reader = Annotated[Caller, Depends(require("read"))]
"""The caller, who may read."""

From = Annotated[
    str | None,
    Query(
        alias="from",
        description="Start of the window, inclusive: a date (its first instant in `zone`) or an RFC 3339 time.",
        examples=["2026-11-01", "2026-11-01T00:00:00Z"],
    ),
]
To = Annotated[
    str | None,
    Query(
        description="End of the window, **exclusive**: a date or an RFC 3339 time. Absent: the end of the current day.",
        examples=["2026-12-01"],
    ),
]
Period = Annotated[
    str | None,
    Query(
        description="A named window instead of `from` and `to`: `today`, `yesterday`, `week_to_date`, `month_to_date`, "
        "`quarter_to_date`, `year_to_date`, `last_week`, `last_month`, `last_quarter`, `last_year`, `last_30_days`, "
        "`last_24_hours` (any number). Those that reach the present end with the current day (or quarter hour).",
        examples=["month_to_date", "last_30_days"],
    ),
]
ZoneName = Annotated[
    str | None,
    Query(
        description="IANA time zone that dates and buckets are in; absent: the organisation's reporting zone.",
        examples=["Europe/Berlin", "Asia/Kolkata"],
    ),
]
Filters = Annotated[
    list[str],
    Query(
        alias="filter",
        description="`FIELD:VALUE[,VALUE...]` keeps entries where the field is one of the values; `-FIELD:...` drops "
        "them. Fields are all dimensions of `group_by`, and tags as `tags.KEY`. `team:unallocated` finds what nobody "
        "owns, `tags.KEY:unallocated` what lacks the tag, `region:` what has no region. Repeat it to narrow further. "
        "A backslash makes a following `,`, `:` or `\\` part of the name or value.",
        examples=["team:search,ads", "-env:dev", "tags.feature:chat"],
    ),
]
FormatChoice = Annotated[
    FormatName | None,
    Query(alias="format", description="The format of the answer; it goes before the `Accept` header."),
]
Spreadsheet = Annotated[
    bool,
    Query(description="Only CSV: put an apostrophe before text that a spreadsheet would run as a formula."),
]
CursorText = Annotated[
    str | None,
    Query(description="`next_cursor` of the page before, with all other parameters (but `limit`) as they were."),
]


@contextmanager
def understood() -> Iterator[None]:
    """Turn an `InvalidQuery` inside into the 400 problem that names the parameter."""
    try:
        yield
    except InvalidQuery as error:
        fault = Fault(error.detail, parameter=error.parameter)
        raise Problem(400, "invalid-parameter", str(error), faults=[fault]) from None


@cache
def _zones() -> frozenset[str]:
    """Return the names of all zones; finding them walks a directory, so it is done once."""
    return frozenset(available_timezones())


def read_zone(name: str | None, default: ZoneInfo) -> ZoneInfo:
    """Return the zone called `name`; raise `InvalidQuery` when there is none."""
    if name is None:
        return default
    if name not in _zones():
        raise InvalidQuery("zone", f"{name!r} is not an IANA time zone; write for example Europe/Berlin")
    return ZoneInfo(name)
