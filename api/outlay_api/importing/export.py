"""Entries that a ledger exported (`GET /v1/events`), back to the usage events they were made of.

What the ledger added is left out: amount, status, price, rules, canonical names. Whose it is stays as it was resolved,
so that another ledger needs no equal catalog. Amounts are computed again by the prices of the ledger they come to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from outlay_api.importing.events import Events
from outlay_api.importing.mapping import FieldMap
from outlay_api.importing.objects import digits, parsed, put
from outlay_api.importing.reading import Malformed, Rows
from outlay_schemas.dimensions import ATTRIBUTION, UNALLOCATED
from outlay_schemas.units import CALLS, FREQUENT
from outlay_schemas.usage import UsageEvent
from outlay_streams.pricing.category import MODEL_API, category_of_unit, precedence

_MARKS: Final = frozenset({"reported_provider", "reported_model", "price_id", "status", "quantities"})
_ADDED: Final = frozenset({"provider", "model", "amount", "category", "quantities", "tags"})
_KEPT: Final = tuple(name for name in UsageEvent.model_fields if name not in _ADDED)
_WHOLE: Final = frozenset({"latency_ms", "ttft_ms"})
_UNSAID: Final = {**dict.fromkeys(ATTRIBUTION, UNALLOCATED), "service_tier": "standard"}
"""What the ledger stores where an event says nothing."""


def is_export(names: Iterable[str]) -> bool:
    """Return whether a file with these columns holds entries of a ledger."""
    return set(names) >= _MARKS


def usage_event(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event of an entry as any format gives it; raise `ValueError` for a cell that cannot be read."""
    event = {
        name: _value(name, value)
        for name in _KEPT
        if (value := entry.get(name)) not in (None, "") and value != _UNSAID.get(name)
    }
    for name in ("provider", "model"):
        event[name] = entry.get(f"reported_{name}") or entry.get(name)
    event["tags"] = dict(_pairs(entry.get("tags")))
    event["quantities"] = used = _quantities(entry)
    billed = event.get("kind", "usage") != "usage"
    if billed:
        event["amount"] = _plain(entry.get("amount"))
    category = entry.get("category")
    if category and (billed or category != _derived(used)):
        event["category"] = category
    return {name: value for name, value in event.items() if value not in (None, {})}


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryEncoder:
    """Makes events of exported entries; what is set for every row wins."""

    fields: FieldMap

    def encode(self, rows: Rows, ids: list[str]) -> Events:
        """Encode the rows; `ids` are for those that bring none."""
        constants = [(field, json.loads(text)) for field, text in self.fields.constants.items()]
        lines: list[str] = []
        refused: list[Malformed] = list(rows.malformed)
        for at, (entry, unread) in enumerate(_entries(rows)):
            event, reason = ({}, unread) if unread else _event(entry)
            if reason is not None:
                place = rows.places[at] if rows.places else None
                refused.append(Malformed(rows.numbers[at], place, reason, json.dumps(entry, default=str)))
            event.setdefault("id", ids[at])
            for field, value in constants:
                put(event, field, value)
            lines.append(json.dumps(event, ensure_ascii=False, separators=(",", ":"), default=digits))
        return Events.of(rows, lines, refused)


def _event(entry: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    try:
        return usage_event(entry), None
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        return {}, f"not an entry of a ledger: {error}"


def _entries(rows: Rows) -> Iterable[tuple[dict[str, Any], str | None]]:
    if rows.lines:
        return map(parsed, rows.lines)
    return ((entry, None) for entry in rows.frame.iter_rows(named=True))


def _value(name: str, value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case Decimal():
            return _plain(value)
        case str() if name in _WHOLE:
            return int(value)
        case str() if name == "estimated":
            return value == "true"
        case _:
            return value


def _quantities(entry: Mapping[str, Any]) -> dict[str, str]:
    frequent = [(name, entry[name]) for name in FREQUENT if entry.get(name)]
    usual = "1" if entry.get("kind") == "usage" else "0"
    calls = [] if str(entry.get("calls") or usual) == usual else [(CALLS, entry["calls"])]
    pairs = [*frequent, *calls, *_pairs(entry.get("quantities"))]
    return {name: plain for name, quantity in pairs if (plain := _plain(quantity)) not in (None, "0")}


def _pairs(cell: Any) -> Iterable[tuple[str, Any]]:
    """Read a map however the format gives it: an object, its text, or a list of keys and values."""
    found = json.loads(cell, parse_float=Decimal) if isinstance(cell, str) and cell else cell or {}
    if isinstance(found, Mapping):
        return found.items()
    return [(pair["key"], pair["value"]) for pair in found]


def _plain(number: Any) -> str | None:
    return None if number in (None, "") else f"{Decimal(str(number)).normalize():f}"


def _derived(used: Iterable[str]) -> str:
    return min(map(category_of_unit, used), key=precedence, default=MODEL_API)
