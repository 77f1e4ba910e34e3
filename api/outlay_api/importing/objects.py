"""JSONL rows to events: what is an event already goes through as it is, the rest is mapped by dotted paths."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl

from outlay_api.importing.errors import MappingError
from outlay_api.importing.events import Events
from outlay_api.importing.mapping import TIME, Field, FieldMap, Kind
from outlay_api.importing.reading import Malformed, Rows
from outlay_api.importing.times import Times
from outlay_schemas.usage import UsageEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectEncoder:
    """Makes events of JSON objects: their own fields, the mapped ones, and what is set for every row.

    Without any mapping an object must be an event, and unknown fields are the intake's to refuse; with one, fields that
    no event has are left out, as columns are.
    """

    fields: FieldMap
    times: Times

    def encode(self, rows: Rows, ids: list[str]) -> Events:
        """Encode the rows; `ids` are for those that bring none. Raises `MappingError` for a time without a zone."""
        constants = [(field, json.loads(text)) for field, text in self.fields.constants.items()]
        defaults = [(field, json.loads(text)) for field, text in self.fields.defaults.items()]
        lacking = {field.name for field, _ in defaults}
        events: list[dict[str, Any]] = []
        refused: list[Malformed] = []
        untouched: list[bool] = []
        for number, line, own in zip(rows.numbers, rows.lines, ids, strict=True):
            found, reason = parsed(line)
            event = self._event(found)
            untouched.append("id" in event and event is found and not constants and lacking <= event.keys())
            event.setdefault("id", own)
            for field, value in defaults:
                event.setdefault(field.name, value)
            for field, value in constants:
                put(event, field, value)
            events.append(event)
            if reason:
                refused.append(Malformed(number, number, reason, line))
        if self.fields.columns or self.times.zone or self.times.pattern:
            refused += self._read_times(rows, events)
            untouched = [False] * len(events)
        lines = [
            line if same else json.dumps(event, ensure_ascii=False, separators=(",", ":"), default=digits)
            for line, event, same in zip(rows.lines, events, untouched, strict=True)
        ]
        return Events.of(rows, lines, refused)

    def _event(self, found: dict[str, Any]) -> dict[str, Any]:
        if not self.fields.columns:
            return found
        event = {name: value for name, value in found.items() if name in UsageEvent.model_fields}
        for field, path in self.fields.columns.items():
            value = _at(found, path.split("."))
            if value is not None:
                put(event, field, str(value) if field.kind is Kind.TEXT and not isinstance(value, str) else value)
        return event

    def _read_times(self, rows: Rows, events: Sequence[dict[str, Any]]) -> list[Malformed]:
        cells = pl.Series(
            [None if (time := event.get("time")) is None else str(time) for event in events], dtype=pl.String
        )
        if naive := self.times.naive(cells):
            column = self.fields.columns.get(TIME, "time")
            raise MappingError(
                f"{column} holds times without an offset ({naive}); say which zone they are in: --zone UTC"
            )
        texts, nowhere = self.times.read(cells)
        for event, text in zip(events, texts.to_list(), strict=True):
            if text is not None:
                event["time"] = text
        return [
            Malformed(rows.numbers[at], rows.numbers[at], self.times.leapt(cells[at]), rows.lines[at])
            for at in nowhere.arg_true().to_list()
        ]


def parsed(line: str) -> tuple[dict[str, Any], str | None]:
    """Return the object of a line, or an empty one and why there is none."""
    try:
        found = json.loads(line, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        return {}, f"not JSON: {error}"
    return (found, None) if isinstance(found, dict) else ({}, f"a JSON {type(found).__name__}, not an object")


def _at(found: object, path: list[str]) -> object:
    for name in path:
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    return found


def put(event: dict[str, Any], field: Field, value: object) -> None:
    """Set a field of an event; a whole map is merged into what is there."""
    if not field.group:
        event[field.name] = value
        return
    group = event.get(field.group)
    if field.kind is Kind.MAP and not isinstance(value, dict):
        event[field.group] = value
        return
    more = value if isinstance(value, dict) and field.kind is Kind.MAP else {field.name: value}
    event[field.group] = {**(group if isinstance(group, dict) else {}), **more}


def digits(number: object) -> str:
    """Write a decimal for JSON, every digit of it."""
    if isinstance(number, Decimal):
        return format(number, "f")
    raise TypeError(f"{number!r} has no JSON form")
