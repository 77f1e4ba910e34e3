"""`outlay spend`: the spend report."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from outlay_api.cli.connection import Connection, connect, problem_text
from outlay_api.cli.failure import FAILED, USAGE, Failure
from outlay_api.cli.output import note, show
from outlay_api.cli.spend_table import SpendTable
from outlay_api.cli.target import Show, Target

_TARGET = Target()
_SHOW = Show()

Interval = Literal["none", "quarter_hour", "hour", "day", "week", "month", "quarter", "year"]
Several = Annotated[tuple[str, ...], Parameter(show_default=False)]


async def spend(
    *,
    by: Annotated[tuple[str, ...], Parameter(alias=["--group-by", "-b"], show_default=False)] = (),
    period: Annotated[str | None, Parameter(alias="-p")] = None,
    start: Annotated[str | None, Parameter(name="--from")] = None,
    end: Annotated[str | None, Parameter(name="--to")] = None,
    zone: str | None = None,
    interval: Annotated[Interval, Parameter(alias="-i")] = "none",
    filter: Annotated[tuple[str, ...], Parameter(alias="-f", show_default=False, allow_leading_hyphen=True)] = (),  # noqa: A002 - the option's name
    measures: Several = (),
    order: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    top: int | None = None,
    compare: Annotated[bool, Parameter(negative=())] = False,
    limit: int | None = None,
    exact: Annotated[bool, Parameter(negative=())] = False,
    target: Target = _TARGET,
    output: Show = _SHOW,
) -> int:
    """Report spend by any dimension and period.

    Amounts are sums of exact ones, rounded only to be read; entries without a price are counted, never taken for zero.

    For example:

        outlay spend --by team
        outlay spend --by provider,model --period last_month --compare
        outlay spend --by team --period month_to_date --zone Europe/Berlin --interval day --top 10
        outlay spend --by tags.feature --filter team:search --from 2026-11-01 --to 2026-11-08 --format csv

    Parameters
    ----------
    by
        Dimensions, comma-separated: business_unit, department, team, project, app, env, key, user, use_case, provider,
        model, service_tier, region, status, category, ... or tags.KEY.
    period
        A named window: today, month_to_date, last_month, last_30_days, ...; month_to_date when no window is given.
    start
        Start of the window, inclusive: a date in the zone or an RFC 3339 time.
    end
        End of the window, exclusive.
    zone
        IANA time zone of dates and intervals; by default the organisation's.
    interval
        Cut time into the zone's calendar.
    filter
        FIELD:VALUE[,VALUE...] keeps, -FIELD:... drops; repeat it to narrow further.
    measures
        What is summed, comma-separated: amount, calls, entries, users, input_tokens, quantities.UNIT, latency_p95, ...
    order
        Measure or dimension to sort by; `-` before it sorts descending.
    top
        Only so many groups, all others summed as one.
    compare
        Compare with the period before.
    limit
        Most rows.
    exact
        Show every digit.
    """
    if period is None and start is None and end is None:
        period = "month_to_date"
    question: dict[str, Any] = {
        "period": period,
        "from": start,
        "to": end,
        "zone": zone,
        "interval": interval,
        "group_by": list(by),
        "filter": list(filter),
        "measures": list(measures),
        "order": order,
        "top": top,
        "compare": "previous" if compare else None,
        "limit": limit,
    }
    parameters = {name: value for name, value in question.items() if value not in (None, [])}
    async with connect(target) as connection:
        if output.format == "csv":
            return await _csv(connection, parameters)
        document = await connection.get("/v1/spend", **parameters)
    table = SpendTable(document, _split(by), exact)
    show(output.format, document=document, rows=list, table=table.render)
    if output.format == "table":
        for warning in table.warnings():
            note(warning)
    return 0


async def _csv(connection: Connection, parameters: dict[str, Any]) -> int:
    """Pass on the API's own CSV, however long, as it comes."""
    async with connection.http.stream("GET", "/v1/spend", params={**parameters, "format": "csv"}) as response:
        if not response.is_success:
            await response.aread()
            raise Failure(problem_text(response), USAGE if response.status_code == 400 else FAILED)
        async for piece in response.aiter_bytes():
            sys.stdout.buffer.write(piece)
        sys.stdout.flush()
    return 0


def _split(options: tuple[str, ...]) -> list[str]:
    return [name.strip() for option in options for name in option.split(",") if name.strip()]
