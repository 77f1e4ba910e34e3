"""The ledger's entries: pages of them, and one with the explanation of its amount."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from fastapi import APIRouter, Path, Query, Request, Response

from outlay_api.auth.dependencies import Provided
from outlay_api.http.encoders import rfc3339
from outlay_api.http.formats import RESPONSES, answer, document, media_examples, negotiate
from outlay_api.http.openapi import problem
from outlay_api.http.problems import Problem
from outlay_api.queries.calendar import Window
from outlay_api.queries.coverage import coverage_of
from outlay_api.queries.documents import EntriesDocument, EntryDocument
from outlay_api.queries.entries import DEFAULT_PERIOD, MAX_PAGE, EntriesQuery
from outlay_api.queries.entry_rows import entry_rows
from outlay_api.queries.explanation import explain_entry, price_body
from outlay_api.queries.filters import parse_filters
from outlay_api.queries.periods import read_window
from outlay_api.queries.positions import Cursor, read_cursor
from outlay_api.routes.read_parameters import (
    CursorText,
    Filters,
    FormatChoice,
    From,
    Period,
    Reader,
    Spreadsheet,
    To,
    ZoneName,
    read_zone,
    understood,
)
from outlay_api.services import Services

router = APIRouter(tags=["spend"])


@router.get(
    "/v1/events",
    operation_id="listEntries",
    response_model=EntriesDocument,
    responses={200: {"content": media_examples()}, **RESPONSES},
)
def list_entries(
    *,
    request: Request,
    services: Provided,
    caller: Reader,
    start: From = None,
    end: Annotated[To, Query(alias="to")] = None,
    period: Period = None,
    zone: ZoneName = None,
    filters: Filters = [],  # noqa: B006 - FastAPI copies it
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Most entries of a page.")] = 100,
    cursor: CursorText = None,
    format_name: FormatChoice = None,
    spreadsheet: Spreadsheet = False,
) -> Response:
    """List ledger entries by time of use, newest first.

    Always within a window, which the answer states: the last 7 days unless said otherwise. In CSV, Parquet and Arrow
    the frequent units are columns; the next page's cursor is in the header `Outlay-Next-Cursor`.
    """
    chosen = negotiate(request.headers.get("accept"), format_name)
    with understood():
        question = [caller.org, "entries", start, end, period, zone, sorted(filters)]
        found = parse_filters(filters)
        after = None if cursor is None else read_cursor(cursor, question)
        window = (
            after.window
            if after is not None
            else _window(services, caller.org, start=start, end=end, period=period, zone=zone)
        )
    query = EntriesQuery(org=caller.org, window=window, filters=found, limit=limit, after=after)
    entries, following = _page(services, query, question)
    if chosen.encode is None:
        return document(
            {
                "from": rfc3339(window.start),
                "to": rfc3339(window.end),
                "data": entry_rows(entries),
                "has_more": following is not None,
                "next_cursor": following,
            }
        )
    headers = {"Outlay-From": rfc3339(window.start), "Outlay-To": rfc3339(window.end)}
    headers |= {} if following is None else {"Outlay-Next-Cursor": following}
    batches = entries.combine_chunks().to_batches()
    return answer(chosen, entries.schema, batches, name="events", spreadsheet=spreadsheet, headers=headers)


@router.get(
    "/v1/events/{id:path}",
    operation_id="explainEntry",
    response_model=EntryDocument,
    responses=problem(409),
)
def explain_event(
    *,
    services: Provided,
    caller: Reader,
    identity: Annotated[str, Path(alias="id", min_length=1, max_length=256, description="The event's id.")],
    source: Annotated[
        str | None, Query(description="What sent it; needed only when several sources used the same id.")
    ] = None,
) -> Response:
    """Return one ledger entry and why its amount is what it is.

    Rates, quantities, context tier, service tier, discount, dates and source of the price, rounding, and who says that
    it is whose: in words and as data. The amount is computed again on the way.
    """
    found = services.reader.find_entries(caller.org, identity, source)
    if found.num_rows == 0:
        of = "" if source is None else f" of source {source!r}"
        raise Problem(404, "unknown-event", f"no event {identity!r}{of} was counted; see /v1/rejects for refused ones")
    sources = sorted(set(found["source"].to_pylist()))
    if len(sources) > 1:
        choice = ", ".join(sources)
        raise Problem(409, "ambiguous-event", f"several sources used the id {identity!r}; add source=: {choice}")
    entry: dict[str, Any] = found.slice(0, 1).to_pylist()[0]
    record = price_body(services.reader, entry["price_id"])
    catalog = services.catalog.at_version(caller.org, entry["catalog_version"])
    explanation = explain_entry(entry, price=record, catalog=catalog)
    return document({"data": entry_rows(found.slice(0, 1))[0], "explanation": explanation})


def _window(
    services: Services, org: str, *, start: str | None, end: str | None, period: str | None, zone: str | None
) -> Window:
    default = ZoneInfo("UTC") if zone is not None else coverage_of(services.reader, org).zone
    within = read_zone(zone, default)
    now = services.clock.now()
    asked = read_window(start=start, end=end, period=period, zone=within, now=now, default=DEFAULT_PERIOD)
    return asked.window


def _page(services: Services, query: EntriesQuery, question: Sequence[object]) -> tuple[pa.Table, str | None]:
    """Return the page, and the cursor of the next one when there is more."""
    statement = query.to_sql()
    found = services.reader.query(statement.sql, statement.params)
    page = found.slice(0, query.limit)
    if found.num_rows <= query.limit:
        return page, None
    last = page.select(["time", "id", "source"]).slice(query.limit - 1).to_pylist()[0]
    return page, Cursor(query.window, last["time"], (last["id"], last["source"])).text(question)
