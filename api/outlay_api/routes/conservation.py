"""What became of every event received: the account, and the events that were refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import pyarrow as pa
from fastapi import APIRouter, Query, Request, Response

from outlay_api.auth.dependencies import Provided
from outlay_api.http.encoders import plain_rows, rfc3339
from outlay_api.http.formats import RESPONSES, answer, document, media_examples, negotiate
from outlay_api.http.problems import Problem
from outlay_api.queries.account import OVER, By, summed, total
from outlay_api.queries.conservation import OUTCOMES, SHOWN_REJECTS, ConservationQuery, RejectsQuery
from outlay_api.queries.documents import ConservationDocument, RejectsDocument
from outlay_api.queries.entries import MAX_PAGE
from outlay_api.queries.periods import read_window
from outlay_api.queries.positions import Cursor, read_cursor
from outlay_api.queries.statement import Statement
from outlay_api.routes.read_parameters import (
    CursorText,
    FormatChoice,
    From,
    Period,
    Reader,
    Spreadsheet,
    To,
    understood,
)
from outlay_api.services import PendingUnknown, Services
from outlay_infra.warehouse import Reader as Ledger

router = APIRouter(tags=["ledger"])

DEFAULT_PERIOD = "last_30_days"
JSON_ROWS = 10_000
"""Most rows of a JSON answer that names no limit."""
_UTC = ZoneInfo("UTC")

Sources = Annotated[
    list[str], Query(alias="source", description="Only what these sources sent; repeat it for several.")
]

ACCOUNT = pa.schema(
    [
        pa.field("day", pa.date32(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        *(pa.field(name, pa.int64(), nullable=False) for name in ("received", *OUTCOMES, "pending", "balance")),
        pa.field("entries", pa.int64()),
    ]
)


@router.get(
    "/v1/conservation",
    operation_id="getConservation",
    response_model=ConservationDocument,
    responses={200: {"content": media_examples()}, **RESPONSES},
)
def conservation(
    *,
    request: Request,
    services: Provided,
    caller: Reader,
    start: From = None,
    end: Annotated[To, Query(alias="to")] = None,
    period: Period = None,
    sources: Sources = [],  # noqa: B006 - FastAPI copies it
    verify: Annotated[
        bool, Query(description="Count the ledger's own entries too, instead of trusting the receipts alone.")
    ] = False,
    by: Annotated[
        By | None,
        Query(
            description="One row a source, or one a day; absent: one for each source and day. `balanced` and `totals` "
            "are the same."
        ),
    ] = None,
    limit: Annotated[
        int | None, Query(ge=1, le=1_000_000, description="Most rows to return. Absent: 10,000 in JSON, else all.")
    ] = None,
    format_name: FormatChoice = None,
    spreadsheet: Spreadsheet = False,
) -> Response:
    """Account for every event received, by source and UTC day received, newest first.

    received = counted + duplicate + conflict + rejected + pending, always; `balance` is what is left, so 0. `balanced`
    and `totals` are about everything, rows beyond `limit` included.
    """
    chosen = negotiate(request.headers.get("accept"), format_name)
    with understood():
        first, last = _days(services, start=start, end=end, period=period)
    query = ConservationQuery(org=caller.org, first=first, last=last, sources=tuple(sources))
    rows = _account(services.reader, query, pending=_pending(services, query), verify=verify)
    shown = summed(rows, by)
    if chosen.encode is not None:
        schema = pa.schema([each for each in ACCOUNT if by is None or each.name not in OVER[by]])
        table = pa.Table.from_pylist(shown[:limit], schema)
        return answer(chosen, schema, table.to_batches(), name="conservation", spreadsheet=spreadsheet)
    most = limit or JSON_ROWS
    return document(
        {
            "from": first.isoformat(),
            "to": last.isoformat(),
            "balanced": all(_balanced(row) for row in rows),
            "data": shown[:most],
            "totals": total(rows, verified=verify),
            "has_more": len(shown) > most,
        }
    )


@router.get(
    "/v1/rejects",
    operation_id="listRejects",
    response_model=RejectsDocument,
    responses={200: {"content": media_examples()}, **RESPONSES},
)
def rejects(
    *,
    request: Request,
    services: Provided,
    caller: Reader,
    start: From = None,
    end: Annotated[To, Query(alias="to")] = None,
    period: Period = None,
    sources: Sources = [],  # noqa: B006
    outcome: Annotated[Literal["rejected", "conflict"] | None, Query(description="Only these.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Most events of a page.")] = 100,
    cursor: CursorText = None,
    format_name: FormatChoice = None,
    spreadsheet: Spreadsheet = False,
) -> Response:
    """List events that were refused, by time received, newest first, with the reason and the event itself."""
    chosen = negotiate(request.headers.get("accept"), format_name)
    question = [caller.org, "rejects", start, end, period, sorted(sources), outcome]
    with understood():
        after = None if cursor is None else read_cursor(cursor, question)
        asked = read_window(
            start=start, end=end, period=period, zone=_UTC, now=services.clock.now(), default=DEFAULT_PERIOD
        )
    query = RejectsQuery(
        org=caller.org,
        window=after.window if after else asked.window,
        sources=tuple(sources),
        outcome=outcome,
        limit=limit,
        after=after,
    )
    page, following = _page(services.reader, query, question)
    if chosen.encode is not None:
        headers = {} if following is None else {"Outlay-Next-Cursor": following}
        batches = page.combine_chunks().to_batches()
        return answer(chosen, page.schema, batches, name="rejects", spreadsheet=spreadsheet, headers=headers)
    return document(
        {
            "from": rfc3339(query.window.start),
            "to": rfc3339(query.window.end),
            "data": [row | {"id": row["id"] or None} for row in plain_rows(page)],
            "has_more": following is not None,
            "next_cursor": following,
        }
    )


def _days(services: Services, *, start: str | None, end: str | None, period: str | None) -> tuple[date, date]:
    now = services.clock.now()
    window = read_window(start=start, end=end, period=period, zone=_UTC, now=now, default=DEFAULT_PERIOD).window
    first, last = window.start.astimezone(UTC).date(), (window.end - timedelta(milliseconds=1)).astimezone(UTC).date()
    return first, last + timedelta(days=1)


Pending = Callable[[], Mapping[tuple[date, str], int]]


def _pending(services: Services, query: ConservationQuery) -> Pending:
    """Return what counts the events asked for that are not in the ledger yet; embedded there are none."""

    def waiting() -> Mapping[tuple[date, str], int]:
        try:
            found = services.pending(query.org)
        except PendingUnknown as error:
            raise Problem(503, "pending-unknown", str(error), headers={"Retry-After": "5"}) from None
        return {
            (day, source): count
            for (day, source), count in found.items()
            if query.first <= day < query.last and (not query.sources or source in query.sources)
        }

    return waiting


def _account(ledger: Ledger, query: ConservationQuery, *, pending: Pending, verify: bool) -> list[dict[str, Any]]:
    """Return the account's rows. What waits is counted after the receipts, so that nothing is counted twice."""
    found = _rows(ledger, query.to_sql())
    rows = {(row["day"], row["source"]): row | {"pending": 0} for row in found}
    for key, count in pending().items():
        row = rows.setdefault(key, _empty(key))
        row["pending"] += count
        row["received"] += count
    if verify:
        counted = {(row["day"], row["source"]): row["entries"] for row in _rows(ledger, query.ledger_sql())}
        for key in counted.keys() - rows.keys():
            rows[key] = _empty(key)
        for key, row in rows.items():
            row["entries"] = counted.get(key, 0)
    for row in rows.values():
        row["balance"] = row["received"] - sum(row[name] for name in (*OUTCOMES, "pending"))
    return sorted(rows.values(), key=lambda row: (-row["day"].toordinal(), row["source"]))


def _empty(key: tuple[date, str]) -> dict[str, Any]:
    return dict(zip(("day", "source"), key, strict=True)) | dict.fromkeys(("received", *OUTCOMES, "pending"), 0)


def _balanced(row: Mapping[str, Any]) -> bool:
    found: int = row.get("entries", row["counted"])
    return bool(row["balance"] == 0 and found == row["counted"])


def _page(ledger: Ledger, query: RejectsQuery, question: Sequence[object]) -> tuple[pa.Table, str | None]:
    """Return the page, and the cursor of the next one when there is more."""
    statement = query.to_sql()
    found = ledger.query(statement.sql, statement.params)
    page = found.slice(0, query.limit).select(SHOWN_REJECTS)
    if found.num_rows <= query.limit:
        return page, None
    places = found.slice(0, query.limit).select(["received", "place"]).to_pylist()
    last = places[-1]
    seen = sum(place == last for place in places)
    if query.after is not None and (query.after.time, query.after.key[0]) == (last["received"], last["place"]):
        seen += int(query.after.key[1])
    return page, Cursor(query.window, last["received"], (last["place"], str(seen))).text(question)


def _rows(ledger: Ledger, statement: Statement) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = ledger.query(statement.sql, statement.params).to_pylist()
    return rows
