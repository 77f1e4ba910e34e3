"""Questions about prices that need the ledger and a price book: what has no price, what has another one now."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from outlay_api.documents.prices import ContractOverlap, PriceChange, PriceListState, RateChange, UnpricedSku
from outlay_api.queries.calendar import Window
from outlay_infra.warehouse import Reader
from outlay_schemas.money import plain
from outlay_streams.pricing import PriceBook, PriceList, Reported
from outlay_streams.pricing.listed import LIST_NAME
from outlay_streams.pricing.review import idle, overlaps, suggestions

MOST = 1_000
"""Most skus an answer lists."""
EXPLAINED = 50
"""Most unknown names that likely meanings are looked for; each is compared with every model of the list."""

_WITHIN = (
    "org = {org:String} AND kind = 'usage'"
    " AND time >= {start:DateTime64(3, 'UTC')} AND time < {end:DateTime64(3, 'UTC')}"
)
_UNPRICED = f"""
SELECT provider, model, service_tier, region, reason, count() AS entries, sum(calls) AS all_calls, max(time) AS newest
FROM ledger WHERE {_WITHIN} AND status = 'unpriced'
GROUP BY provider, model, service_tier, region, reason ORDER BY entries DESC, provider, model, reason LIMIT {MOST}
"""
_USED = f"""
SELECT reported_provider, reported_model, service_tier, region, operation, price_id, count() AS entries,
    sum(amount) AS booked, max(time) AS newest
FROM ledger WHERE {_WITHIN}
GROUP BY reported_provider, reported_model, service_tier, region, operation, price_id
ORDER BY booked DESC NULLS LAST, entries DESC, reported_provider, reported_model, price_id LIMIT {MOST}
"""
_SEEN = f"""
SELECT reported_provider, reported_model, service_tier, region, operation, min(time) AS oldest, max(time) AS newest
FROM ledger WHERE {_WITHIN} GROUP BY reported_provider, reported_model, service_tier, region, operation
LIMIT {MOST + 1}
"""
_BODIES = "SELECT price_id, any(body) AS terms FROM prices WHERE price_id IN {ids:Array(String)} GROUP BY price_id"


def list_state(prices: PriceList, now: datetime) -> PriceListState:
    """Return which list is in use and how long ago it last knew of a change."""
    seconds = list_age_seconds(prices, now)
    day = None if seconds is None else datetime.fromtimestamp(now.timestamp() - seconds, UTC).date()
    age = None if seconds is None else int(seconds // 86_400)
    return PriceListState(name=LIST_NAME, version=prices.version, newest_change=day, age_days=age)


def list_age_seconds(prices: PriceList, now: datetime) -> float | None:
    """Return the seconds since the newest price change the list knows and that is in force; None without any."""
    past = [start for start in prices.breaks if start <= now.timestamp() * 1000]
    return now.timestamp() - past[-1] / 1000 if past else None


def unpriced(reader: Reader, org: str, window: Window, prices: PriceList) -> list[UnpricedSku]:
    """Return what the ledger counted in `window` without a known amount, most entries first, and what it may mean."""
    rows = reader.query(_UNPRICED, _asked(org, window)).to_pylist()
    names = {(row["provider"], row["model"]): None for row in rows}
    meant = {name: list(suggestions(prices, *name)) for name in islice(names, EXPLAINED)}
    return [
        UnpricedSku(
            calls=row.pop("all_calls"),
            last=row.pop("newest"),
            suggestions=meant.get((row["provider"], row["model"]), []),
            **row,
        )
        for row in rows
    ]


def clashes(book: PriceBook) -> list[ContractOverlap]:
    """Return the pairs of contract prices of which one hides part of the other."""
    found = islice(overlaps([each.price for each in book.contracts]), MOST)
    return [ContractOverlap(loser=each.loser, winner=each.winner, units=list(each.units)) for each in found]


def without_effect(reader: Reader, org: str, window: Window, book: PriceBook) -> list[str] | None:
    """Return the contract prices that decided nothing about the skus used in `window`; None when those are too many."""
    if not book.contracts:
        return []
    seen = reader.query(_SEEN, _asked(org, window)).to_pylist()
    if len(seen) > MOST:
        return None
    return list(idle(book, ((_reported(row), row[moment]) for row in seen for moment in ("oldest", "newest"))))


def priced_otherwise(reader: Reader, org: str, window: Window, book: PriceBook) -> tuple[int, list[PriceChange]]:
    """Return how many sku and price pairs `window` has, and those that `book` prices at other terms."""
    used = reader.query(_USED, _asked(org, window)).to_pylist()
    bodies = reader.query(_BODIES, {"ids": sorted({row["price_id"] for row in used} - {""})})
    terms = dict(zip(bodies["price_id"].to_pylist(), map(json.loads, bodies["terms"].to_pylist()), strict=True))
    return len(used), list(_changes(used, terms, book))


def _changes(
    used: list[dict[str, Any]], kept: Mapping[str, Mapping[str, Any]], book: PriceBook
) -> Iterator[PriceChange]:
    for row in used:
        terms = book.resolve(_reported(row), row["newest"]).terms
        record = None if terms is None else terms.record()
        rates = list(_rates(kept.get(row["price_id"]), None if record is None else json.loads(record.body)))
        if rates:
            yield PriceChange(
                provider=row["reported_provider"],
                model=row["reported_model"],
                service_tier=row["service_tier"],
                region=row["region"],
                operation=row["operation"],
                entries=row["entries"],
                amount=None if row["booked"] is None else plain(row["booked"]),
                last=row["newest"],
                used_price_id=row["price_id"] or None,
                current_price_id=None if record is None else record.price_id,
                rates=rates,
            )


def _reported(row: Mapping[str, Any]) -> Reported:
    return Reported(
        row["reported_provider"],
        row["reported_model"],
        row["service_tier"],
        row["region"] or None,
        row["operation"] or None,
    )


def _rates(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Iterator[RateChange]:
    old = {rate["unit"]: rate for rate in (before or {}).get("rates", ())}
    new = {rate["unit"]: rate for rate in (after or {}).get("rates", ())}
    for unit in [*old, *(unit for unit in new if unit not in old)]:
        if old.get(unit) != new.get(unit):
            yield RateChange(unit=unit, before=old.get(unit), after=new.get(unit))


def _asked(org: str, window: Window) -> dict[str, Any]:
    return {"org": org, "start": window.start, "end": window.end}
