"""What was spent: sums of the ledger by time and dimension."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import pyarrow as pa
from fastapi import APIRouter, Query, Request, Response

from outlay_api.auth.dependencies import Provided
from outlay_api.http.encoders import plain_rows, rfc3339
from outlay_api.http.formats import RESPONSES, answer, document, media_examples, negotiate
from outlay_api.queries.calendar import Interval, Window
from outlay_api.queries.coverage import coverage_of
from outlay_api.queries.documents import SpendDocument
from outlay_api.queries.spend import SpendQuery
from outlay_api.queries.spend_answer import SpendAnswer
from outlay_api.queries.spend_request import SpendRequest
from outlay_api.queries.tables import Table
from outlay_api.routes.read_parameters import (
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
from outlay_infra.warehouse import Reader as Store

JSON_ROWS = 10_000
"""Most rows of a JSON answer that names no limit."""

router = APIRouter(tags=["spend"])


@router.get(
    "/v1/spend",
    operation_id="getSpend",
    response_model=SpendDocument,
    responses={200: {"content": media_examples()}, **RESPONSES},
)
def spend(
    *,
    request: Request,
    services: Provided,
    caller: Reader,
    start: From = None,
    end: Annotated[To, Query(alias="to")] = None,
    period: Period = None,
    zone: ZoneName = None,
    interval: Annotated[Interval, Query(description="Cut time into buckets of the zone's calendar.")] = Interval.NONE,
    group_by: Annotated[
        list[str],
        Query(
            description="Dimensions, comma-separated or repeated: business_unit, department, team, project, app, env, "
            "key, user, use_case, provider, model, service_tier, region, source, operation, outcome, kind, category, "
            "status, reason, price_id, rule_id, reported_provider, reported_model, catalog_version, estimated, ... or "
            "`tags.KEY`.",
            examples=["team", "provider,model", "tags.feature"],
        ),
    ] = [],  # noqa: B006 - FastAPI copies it
    filters: Filters = [],  # noqa: B006
    measures: Annotated[
        list[str],
        Query(
            description="What is summed, comma-separated or repeated: amount, calls, entries, unpriced, input_tokens, "
            "cached_input_tokens, cache_write_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, "
            "reasoning_tokens, any other unit as `quantities.UNIT`; users (distinct, by 32-bit hashes: a few in 10^5 "
            "may be missed); latency_p50, latency_p95, ttft_p50, ttft_p95 (milliseconds, at most 3.2 % low). "
            "`unpriced` always comes with amount. Absent: amount, calls.",
            examples=["amount,calls", "quantities.images"],
        ),
    ] = [],  # noqa: B006
    order: Annotated[
        str | None,
        Query(
            description="The measure or dimension that rows are sorted by within a bucket; `-` before it: descending. "
            "Absent: the amount, highest first.",
            examples=["-amount", "team"],
        ),
    ] = None,
    top: Annotated[
        int | None,
        Query(ge=1, le=1000, description="Only the first so many groups of the order; all others summed as `other`."),
    ] = None,
    compare: Annotated[
        Literal["previous"] | None,
        Query(
            description="Compare with the period before: one calendar unit back for a window that starts with its "
            "month (or named unit), as many days back for whole days, else as much time."
        ),
    ] = None,
    limit: Annotated[
        int | None, Query(ge=1, le=1_000_000, description="Most rows to return. Absent: 10,000 in JSON, else all.")
    ] = None,
    format_name: FormatChoice = None,
    spreadsheet: Spreadsheet = False,
) -> Response:
    """Sum what was spent, by time and dimension; amounts are exact.

    Times are half-open; `amount` is the sum of the known amounts as a decimal string and `unpriced` counts the entries
    that have none, so that what is unknown is seen. Any size of answer can be had as CSV, NDJSON, Parquet or Arrow.
    """
    chosen = negotiate(request.headers.get("accept"), format_name)
    as_json = chosen.encode is None
    most = limit or (JSON_ROWS if as_json else None)
    asked = SpendRequest(
        start=start,
        end=end,
        period=period,
        interval=interval,
        group_by=group_by,
        filters=filters,
        measures=measures,
        order=order,
        top=top,
        compare=compare is not None,
        limit=most + 1 if most and as_json else most,
    )
    coverage = coverage_of(services.reader, caller.org)
    with understood():
        shown_in = read_zone(zone, coverage.zone)
        query = asked.read(caller.org, coverage=coverage, zone=shown_in, now=services.clock.now())
        table = query.tables()[0]
    if table.lags or query.total().tables()[0].lags:
        services.warehouse.catch_up()
    if as_json:
        return document(_document(services.reader, SpendAnswer(query, table, shown_in)))
    shape = SpendAnswer(query, table, shown_in)
    span = _span(query.buckets.window, shown_in)
    headers = {"Outlay-Source": shape.table.name, "Outlay-From": span["from"], "Outlay-To": span["to"]}
    rows = _batches(services.reader, shape)
    return answer(chosen, shape.schema, rows, name="spend", spreadsheet=spreadsheet, headers=headers)


def _document(store: Store, shape: SpendAnswer) -> dict[str, Any]:
    query, table, zone = shape.query, shape.table, shape.zone
    raw = _asked(store, query, table)
    more = query.limit is not None and raw.num_rows >= query.limit
    raw_total = shape.total(raw) if query.adds_up and not more else None
    shown = raw.slice(0, query.limit - 1) if query.limit is not None else raw
    return {
        **_span(query.buckets.window, zone),
        "zone": zone.key,
        "interval": query.interval.value,
        "currency": "USD",
        "source": table.name,
        "previous": None if query.compare is None else _span(query.compare.window, zone),
        "data": plain_rows(shape.rows(shown)),
        "totals": _totals(store, query.total(), zone, raw_total),
        "has_more": more,
    }


def _totals(store: Store, query: SpendQuery, zone: ZoneInfo, raw: pa.Table | None) -> dict[str, Any]:
    table = query.tables()[0]
    found = _asked(store, query, table) if raw is None else raw
    return plain_rows(SpendAnswer(query, table, zone).rows(found))[0]


def _asked(store: Store, query: SpendQuery, table: Table) -> pa.Table:
    statement = query.to_sql(table)
    return store.query(statement.sql, statement.params)


def _batches(store: Store, shape: SpendAnswer) -> Iterator[pa.RecordBatch]:
    statement = shape.query.to_sql(shape.table)
    for batch in store.stream(statement.sql, statement.params):
        yield from shape.rows(pa.Table.from_batches([batch])).combine_chunks().to_batches()


def _span(window: Window, zone: ZoneInfo) -> dict[str, str]:
    return {"from": rfc3339(window.start.astimezone(zone)), "to": rfc3339(window.end.astimezone(zone))}
