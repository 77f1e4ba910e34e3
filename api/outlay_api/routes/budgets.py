"""Budgets: how they stand, how they stood, and what each team spends right now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from outlay_api.auth.dependencies import Provided
from outlay_api.documents.budgets import BudgetDocument, BudgetsDocument, WindowsDocument
from outlay_api.http.formats import RESPONSES, answer, document, media_examples, negotiate
from outlay_api.http.openapi import problem
from outlay_api.http.problems import Problem
from outlay_api.queries.budgets import (
    BUDGETS,
    WINDOWS,
    Standing,
    budget_table,
    marks_text,
    past_row,
    windows_row,
    windows_table,
    zone_of,
)
from outlay_api.routes.read_parameters import FormatChoice, Reader, Spreadsheet
from outlay_api.services import Services
from outlay_infra.warehouse.budget_past import whole_past
from outlay_schemas.budgets import BudgetState
from outlay_schemas.calendar import Period
from outlay_streams.budgets import BudgetsUnknown
from outlay_streams.budgets.history import dimensions_of, history, periods_before

RETRY_SECONDS = "2"

router = APIRouter(tags=["budgets"])


@router.get(
    "/v1/budgets",
    operation_id="listBudgets",
    response_model=BudgetsDocument,
    responses={200: {"content": media_examples()}, **RESPONSES},
)
def list_budgets(
    *,
    request: Request,
    services: Provided,
    caller: Reader,
    format_name: FormatChoice = None,
    spreadsheet: Spreadsheet = False,
) -> Response:
    """Say how every budget stands: spent, remaining, and how that compares with the time that is over.

    Events count toward the period of their own time, so late ones change earlier periods.
    """
    chosen = negotiate(request.headers.get("accept"), format_name)
    now = services.clock.now()
    with _known():
        states = services.budgets.states(caller.org)
    if chosen.encode is not None:
        rows = budget_table(Standing.at(state, now).row() for state in states)
        return answer(chosen, BUDGETS, rows.to_batches(), name="budgets", spreadsheet=spreadsheet)
    return document({"now": now, "currency": "USD", "data": [_shown(Standing.at(state, now)) for state in states]})


@router.get(
    "/v1/budgets/{budget:path}", operation_id="getBudget", response_model=BudgetDocument, responses=problem(404)
)
def get_budget(
    services: Provided,
    caller: Reader,
    budget: Annotated[str, Path(description="The budget's id.")],
    periods: Annotated[int, Query(ge=0, le=366, description="Most periods before the current one.")] = 12,
) -> Response:
    """Say how one budget stands, and what its scope spent in the periods before, whenever it was declared."""
    now = services.clock.now()
    with _known():
        states = services.budgets.states(caller.org)
    found = next((state for state in states if state.budget.id == budget), None)
    if found is None:
        raise Problem(404, "unknown-budget", f"there is no budget {budget!r}; GET /v1/budgets lists them")
    standing = Standing.at(found, now)
    past = _past(services, caller.org, standing, periods)
    return document({**_shown(standing), "now": now, "currency": "USD", "periods": past})


@router.get(
    "/v1/teams/windows",
    operation_id="getTeamWindows",
    response_model=WindowsDocument,
    responses={200: {"content": media_examples()}, **RESPONSES},
)
def team_windows(
    *,
    request: Request,
    services: Provided,
    caller: Reader,
    teams: Annotated[list[str], Query(alias="team", description="Only this team; repeat it for more.")] = [],  # noqa: B006
    format_name: FormatChoice = None,
    spreadsheet: Spreadsheet = False,
) -> Response:
    """Show what each team spent in the last two hours by minute and the last two days by hour.

    By the time events were received, not by the time of use: a back-fill shows when it came.
    """
    chosen = negotiate(request.headers.get("accept"), format_name)
    now = services.clock.now()
    with _known():
        every = services.budgets.windows(caller.org)
    rows = [windows_row(windows, now) for windows in every if not teams or windows.team in teams]
    if chosen.encode is not None:
        table = windows_table(rows)
        return answer(chosen, WINDOWS, table.to_batches(), name="team-windows", spreadsheet=spreadsheet)
    return document({"now": now, "currency": "USD", "data": rows})


@contextmanager
def _known() -> Iterator[None]:
    try:
        yield
    except BudgetsUnknown as error:
        raise Problem(503, "budgets-unknown", str(error), headers={"Retry-After": RETRY_SECONDS}) from None


def _shown(standing: Standing) -> dict[str, Any]:
    return {**standing.row(), "marks": marks_text(standing.state.marks), "at": standing.state.at}


def _past(services: Services, org: str, standing: Standing, count: int) -> list[dict[str, Any]]:
    """Return up to so many closed periods, from the store."""
    state = standing.state
    closed = _closed(state, standing, count)
    if not closed:
        return []
    edges = sorted({edge for period in closed for edge in (period.start, period.end)})
    past = whole_past(services.reader, org, dimensions_of(state.budget), edges)
    return [past_row(spent, state) for spent in history(state.budget, closed, past.sums)]


def _closed(state: BudgetState, standing: Standing, count: int) -> list[Period]:
    calendar = state.budget.calendar(zone_of(state))
    if standing.spent is not None:
        return periods_before(calendar, standing.spent.period, count)
    around = calendar.around(standing.now, before=1, after=0)
    ended = [period for period in around if period.end <= standing.now]
    return [*ended, *periods_before(calendar, ended[0], count - 1)][:count] if ended else []
