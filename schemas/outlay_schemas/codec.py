"""Usage events in Avro: plain, single-object (`C3 01`) and Confluent (`00` + schema id) framing.

The first byte tells the framing apart: a plain event begins with the length of its non-empty id, zigzag-coded, which is
even and never zero, while `C3`, `01` and JSON's `{` and `[` are odd. Needs fastavro (extras `kafka` and `api`).
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation
from typing import Any

import fastavro
from fastavro.read import SchemaResolutionError
from fastavro.schema import SchemaParseException, fingerprint, to_parsing_canonical_form
from pydantic import ValidationError

from outlay_schemas import avro_schema, compat
from outlay_schemas.avro_schema import Schema
from outlay_schemas.money import PRECISION, SCALE, plain
from outlay_schemas.units import FREQUENT, QUANTITY_SCALE
from outlay_schemas.usage import MAX_EVENT_BYTES, UsageEvent

Resolver = Callable[[int], Schema | str]
"""Finds a writer schema by its registry id; raises `LookupError` for an id it does not know."""

SINGLE_OBJECT = b"\xc3\x01"
CONFLUENT = b"\x00"

DECIMAL_TEXT = re.compile(r"-?[0-9]{1,38}(\.[0-9]{1,12})?")
"""How decimals are written: plain digits, no exponent, no spaces."""

_EXACT = Context(prec=2 * PRECISION, traps=[Inexact, InvalidOperation])
_BAD_BYTES = (
    ArithmeticError,
    DecimalException,
    EOFError,
    IndexError,
    KeyError,
    SchemaResolutionError,
    TypeError,
    ValueError,
)


class CodecError(ValueError):
    """The event cannot be written as Avro, or the bytes are no event; the message names which part and why."""


def schema_fingerprint(schema: Schema | str) -> bytes:
    """Return the 8 bytes that follow `C3 01`: CRC-64-AVRO of the parsing canonical form, little-endian."""
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(_loaded(schema)), "CRC-64-AVRO"))


def _loaded(schema: Schema | str) -> Schema:
    loaded: Schema = json.loads(schema) if isinstance(schema, str) else schema
    return loaded


USAGE_EVENT: Schema = _loaded(avro_schema.published("usage_event"))
"""The schema events are written with."""

_PARSED = fastavro.parse_schema(USAGE_EVENT)
_HEADER = SINGLE_OBJECT + schema_fingerprint(USAGE_EVENT)
_SCALES = {"amount": SCALE, "provider_cost": SCALE}


def encode(event: UsageEvent) -> bytes:
    """Return the event as plain Avro: the same event always gives the same bytes.

    Raises `CodecError` for what the schema cannot hold: a fractional count of a frequent unit, an instant outside the
    years 1 to 9999 in UTC, or an event above 64 KiB.
    """
    out = io.BytesIO()
    try:
        fastavro.schemaless_writer(out, _PARSED, _record(event), strict=True)
    except CodecError:
        raise
    except _BAD_BYTES as error:
        raise CodecError(f"event {event.id!r} does not fit the usage event schema: {error}") from error
    data = out.getvalue()
    if len(data) > MAX_EVENT_BYTES:
        raise CodecError(f"event {event.id!r} is {len(data)} bytes; the limit is {MAX_EVENT_BYTES}")
    return data


def encode_single_object(event: UsageEvent) -> bytes:
    """Return the event in single-object encoding, for topics without a schema registry."""
    return _HEADER + encode(event)


def encode_confluent(event: UsageEvent, schema_id: int) -> bytes:
    """Return the event in Confluent framing under the registry's id of `USAGE_EVENT`."""
    if not 0 <= schema_id < 2**32:
        raise CodecError(f"schema id {schema_id} does not fit 4 bytes")
    return CONFLUENT + schema_id.to_bytes(4, "big") + encode(event)


def _record(event: UsageEvent) -> dict[str, Any]:
    record: dict[str, Any] = {name: getattr(event, name) for name in UsageEvent.model_fields if name != "quantities"}
    record["time"] = _instant(event.time)
    record["tags"] = dict(sorted(event.tags.items()))
    for name, scale in _SCALES.items():
        record[name] = None if record[name] is None else _text(record[name], scale, name)
    for unit in FREQUENT:
        record[unit] = _whole(event.quantities[unit], unit) if unit in event.quantities else None
    record["quantities"] = [
        {"unit": unit, "quantity": _text(quantity, QUANTITY_SCALE, unit)}
        for unit, quantity in sorted(event.quantities.items())
        if unit not in FREQUENT
    ]
    return record


def _instant(time: datetime) -> datetime:
    if time.utcoffset() is None:
        raise CodecError(f"time {time} has no offset; use an aware datetime")
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise CodecError(f"time {time} is outside the years 1 to 9999 in UTC") from error


def _text(value: Decimal, scale: int, name: str) -> str:
    """Return `value` as the decimal text of the schema; refuse what has more than `scale` decimals or 38 digits."""
    try:
        fixed = value.quantize(Decimal(1).scaleb(-scale), context=_EXACT)
    except DecimalException as error:
        raise CodecError(f"{name} {value} is not a decimal with {scale} decimals and {PRECISION} digits") from error
    if not fixed.is_finite() or len(fixed.as_tuple().digits) > PRECISION:
        raise CodecError(f"{name} {value} is not a decimal with {scale} decimals and {PRECISION} digits")
    return plain(fixed)


def _whole(value: Decimal, unit: str) -> int:
    if not value.is_finite() or value != value.to_integral_value() or not 0 <= value < 2**63:
        raise CodecError(f"{unit} must be a whole number below 2^63, not {value}")
    return int(value)


def decode(data: bytes, *, writer: Schema | str | None = None) -> UsageEvent:
    """Return the event in plain Avro written with `writer`, by default `USAGE_EVENT`.

    Raises `CodecError` for bytes that are not exactly one valid event.
    """
    return _event(_read(data, _PARSED if writer is None else _accepted(writer, "the given writer schema")))


class UsageDecoder:
    """Decodes usage events in any of the three framings.

    `resolve` finds Confluent schema ids; `earlier` are older published schemas that single-object data may name.
    Every writer schema is held against the reader once, so a wrong scale is an error and never a wrong amount.
    """

    def __init__(self, *, resolve: Resolver | None = None, earlier: Iterable[Schema | str] = ()) -> None:
        self._resolve = resolve
        self._by_id: dict[int, Schema] = {}
        self._by_fingerprint: dict[bytes, Schema] = {schema_fingerprint(USAGE_EVENT): _PARSED}
        for schema in earlier:
            self._by_fingerprint.setdefault(schema_fingerprint(schema), _accepted(schema, "an earlier schema"))

    def decode(self, data: bytes) -> UsageEvent:
        """Return the event; raise `CodecError` for unknown framing or schema, or bytes that are no valid event."""
        return _event(self.fields(data))

    def fields(self, data: bytes) -> dict[str, Any]:
        """Return the event's fields as sent, before `UsageEvent` judges them.

        Raises `CodecError` as `decode` does, except for a field that breaks a rule.
        """
        writer, start = self.writer(data)
        return _read(data[start:], writer)

    def writer(self, data: bytes) -> tuple[Schema, int]:
        """Return the parsed schema that `data` was written with, and where the event begins behind its framing.

        Raises `CodecError` for unknown framing, and for a schema that is unknown or cannot be read as a usage event.
        """
        if data[:2] == SINGLE_OBJECT:
            return self._single_object(data[2:10]), 10
        if data[:1] == CONFLUENT:
            if len(data) < 5:
                raise CodecError(f"Confluent framing needs 5 bytes, got {len(data)}")
            return self._registered(int.from_bytes(data[1:5], "big")), 5
        if data[:1] == b"\x01":
            raise CodecError("Confluent framing by schema GUID (01) is not supported; write schema ids (00)")
        if data[:1] in (b"{", b"["):
            raise CodecError("the bytes are JSON, not Avro; decode them as JSON")
        return _PARSED, 0

    def _single_object(self, mark: bytes) -> Schema:
        if mark not in self._by_fingerprint:
            raise CodecError(f"no schema with fingerprint {mark.hex()} is known; pass it in `earlier`")
        return self._by_fingerprint[mark]

    def _registered(self, schema_id: int) -> Schema:
        if schema_id not in self._by_id:
            if self._resolve is None:
                raise CodecError(f"schema id {schema_id} needs a resolver, and none is configured")
            try:
                schema = self._resolve(schema_id)
            except LookupError as error:
                raise CodecError(f"the registry knows no schema with id {schema_id}") from error
            self._by_id[schema_id] = _accepted(schema, f"schema id {schema_id}")
        return self._by_id[schema_id]


def _accepted(writer: Schema | str, what: str) -> Any:
    """Return `writer` parsed; raise `CodecError` when data written with it cannot be read exactly."""
    try:
        loaded = _loaded(writer)
        parsed = fastavro.parse_schema(loaded)
    except (SchemaParseException, ValueError, KeyError, TypeError) as error:
        raise CodecError(f"{what} is not an Avro schema: {error}") from error
    problems = compat.unreadable(reader=USAGE_EVENT, writer=loaded)
    if problems:
        raise CodecError(f"{what} cannot be read as a usage event: {'; '.join(problems)}")
    return parsed


def _read(body: bytes, writer: Schema) -> dict[str, Any]:
    if len(body) > MAX_EVENT_BYTES:
        raise CodecError(f"the event is {len(body)} bytes; the limit is {MAX_EVENT_BYTES}")
    source = io.BytesIO(body)
    try:
        record = fastavro.schemaless_reader(source, writer, _PARSED)
    except _BAD_BYTES as error:
        where = f"byte {source.tell()} of {len(body)}"
        raise CodecError(f"not a usage event at {where}: {str(error) or 'cut short'}") from error
    if source.tell() != len(body):
        raise CodecError(f"{len(body) - source.tell()} bytes follow the event; a message holds exactly one")
    return _fields(record)


def _event(fields: Mapping[str, Any]) -> UsageEvent:
    try:
        return UsageEvent.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the event"
        raise CodecError(f"{where}: {first['msg']}") from error


def _fields(record: Any) -> dict[str, Any]:
    quantities = {unit: Decimal(count) for unit in FREQUENT if (count := record.pop(unit)) is not None}
    for item in record["quantities"]:
        unit = item["unit"]
        if unit in FREQUENT or unit in quantities:
            raise CodecError(f"quantities.{unit}: the unit is given twice, or has a field of its own")
        quantities[unit] = _number(item["quantity"], f"quantities.{unit}")
    for name in _SCALES:
        record[name] = None if record[name] is None else _number(record[name], name)
    fields: dict[str, Any] = {**record, "quantities": quantities}
    return fields


def _number(text: str, name: str) -> Decimal:
    if not DECIMAL_TEXT.fullmatch(text):
        raise CodecError(f"{name}: {text!r} is not a decimal; write digits with an optional point, such as 37.5")
    return Decimal(text)
