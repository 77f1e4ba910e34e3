"""`outlay budgets`: how budgets stand."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from cyclopts import Parameter

from outlay_api.cli.budgets_table import budget_view, budgets_table, warnings
from outlay_api.cli.connection import connect
from outlay_api.cli.output import note, show
from outlay_api.cli.target import Show, Target

_TARGET = Target()
_SHOW = Show()


async def budgets(
    budget: str | None = None,
    /,
    *,
    periods: Annotated[int, Parameter(alias="-n")] = 12,
    exact: Annotated[bool, Parameter(negative=())] = False,
    target: Target = _TARGET,
    output: Show = _SHOW,
) -> int:
    """Show how budgets stand: spent, remaining, and how that compares with the time that is over.

    Budgets are declared in the catalog: `outlay apply`. A pace of 1 spends the amount by the end of the period, 2 in
    half of it.

    For example:

        outlay budgets
        outlay budgets search-monthly --periods 24
        outlay budgets --format csv

    Parameters
    ----------
    budget
        One budget's id, to see the periods before as well; all budgets when not given.
    periods
        How many periods before.
    exact
        Show every digit.
    """
    async with connect(target) as connection:
        if budget is not None:
            document = await connection.get(f"/v1/budgets/{quote(budget, safe='')}", periods=periods)
            standings = [document]
        else:
            document = await connection.get("/v1/budgets")
            standings = document["data"]
    show(
        output.format,
        document=document,
        rows=lambda: standings if budget is None else _rows(document),
        table=lambda: budgets_table(standings, exact=exact) if budget is None else budget_view(document, exact=exact),
    )
    if output.format == "table":
        for line in [*warnings(standings), *([] if standings else ["no budgets; declare them: outlay apply"])]:
            note(line)
    return 0


def _rows(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the current period and those before, as rows of the same columns."""
    names = ("from", "to", "spent", "percent", "entries", "unpriced")
    now = [document] if document["spent"] is not None else []
    return [{"id": document["id"], **{name: row[name] for name in names}} for row in (*now, *document["periods"])]
