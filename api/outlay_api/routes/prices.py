"""Prices: of a sku at a moment, of an entry for ever, and where the book has gaps or moved on."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime

from outlay_api.auth.dependencies import Provided
from outlay_api.documents.prices import KeptPrice, PriceCheck, PriceDiff, SkuPrice
from outlay_api.http.problems import Problem
from outlay_api.ledger.price_questions import clashes, list_state, priced_otherwise, unpriced, without_effect
from outlay_api.queries.calendar import Window
from outlay_api.queries.explanation import price_body
from outlay_api.queries.periods import read_window
from outlay_api.routes.read_parameters import From, Period, Reader, To, understood
from outlay_streams.pricing import Reported

router = APIRouter(tags=["prices"])

DEFAULT_PERIOD = "last_30_days"
_UTC = ZoneInfo("UTC")


@router.get("/v1/prices", operation_id="getPrice")
def get_price(
    *,
    services: Provided,
    caller: Reader,
    provider: Annotated[str, Query(min_length=1, max_length=256, examples=["openai"], description="Any of its names.")],
    model: Annotated[str, Query(min_length=1, max_length=256, examples=["gpt-4o"], description="Any of its names.")],
    service_tier: Annotated[str | None, Query(max_length=256, description="`standard` if absent.")] = None,
    region: Annotated[str | None, Query(max_length=256, description="As events report it.")] = None,
    operation: Annotated[str | None, Query(max_length=256, description="As events report it.")] = None,
    at: Annotated[AwareDatetime | None, Query(description="The moment of use; now if absent.")] = None,
) -> SkuPrice:
    """Return what an event of this sku would cost at a moment, by the caller's contract and the public list."""
    instant = at or services.clock.now()
    sku = Reported(provider, model, service_tier, region, operation)
    found = services.rules(caller.org).book.resolve(sku, instant)
    record = None if found.terms is None else found.terms.record()
    return SkuPrice(
        at=instant,
        provider=found.provider,
        model=found.model,
        service_tier=found.service_tier,
        region=found.region,
        category=found.category,
        price_id=None if record is None else record.price_id,
        price=None if record is None else json.loads(record.body),
        reason=found.reason or None,
    )


@router.get("/v1/prices/check", operation_id="checkPrices")
def check_prices(
    *,
    services: Provided,
    caller: Reader,
    start: From = None,
    end: Annotated[To, Query(alias="to")] = None,
    period: Period = None,
) -> PriceCheck:
    """Say how old the price list is, what it does not price, and which contract prices clash or do nothing.

    Usage of the last 30 days is looked at unless said otherwise.
    """
    now = services.clock.now()
    window = _window(start, end, period, now)
    book = services.rules(caller.org).book
    return PriceCheck(
        price_list=list_state(book.prices, now),
        unpriced=unpriced(services.reader, caller.org, window, book.prices),
        overlaps=clashes(book),
        idle=without_effect(services.reader, caller.org, window, book),
    )


@router.get("/v1/prices/diff", operation_id="diffPrices")
def diff_prices(
    *,
    services: Provided,
    caller: Reader,
    start: From = None,
    end: Annotated[To, Query(alias="to")] = None,
    period: Period = None,
) -> PriceDiff:
    """Compare the terms that entries were counted with to those the same use has now: after a new list or contract.

    Nothing is changed: an amount is frozen with its price id, and new prices move the future only.
    """
    window = _window(start, end, period, services.clock.now())
    book = services.rules(caller.org).book
    compared, changes = priced_otherwise(services.reader, caller.org, window, book)
    return PriceDiff(compared=compared, data=changes)


@router.get("/v1/prices/{price_id}", operation_id="getKeptPrice")
def get_kept_price(
    services: Provided,
    caller: Reader,  # noqa: ARG001 - only who may read
    price_id: Annotated[str, Path(max_length=64, examples=["p_83cd9153879ea8fee6b6"])],
) -> KeptPrice:
    """Return the price that an entry's `price_id` names, as it was when it was used."""
    body = price_body(services.reader, price_id)
    if body is None:
        raise Problem(404, "unknown-price", f"no entry was priced by {price_id!r}; ids stand in entries and /v1/prices")
    return KeptPrice(price_id=price_id, price=json.loads(body))


def _window(start: str | None, end: str | None, period: str | None, now: datetime) -> Window:
    with understood():
        return read_window(start=start, end=end, period=period, zone=_UTC, now=now, default=DEFAULT_PERIOD).window
