"""How an event lies on the wire under its writer's schema, in the few types a bulk decoder reads safely.

The bulk decoder reads neither decimals, `bytes` nor `fixed`, narrows `int` without looking, and knows no schema
resolution. So it is handed a schema of the same bytes in other words: every count is a `long`, all text a `string`,
the framing in front a few leading fields, and every field is named by its position. What that cannot say, or any shape
other than the one a field is read by, is left to the reference decoder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from outlay_schemas.avro_schema import Schema
from outlay_schemas.codec import CONFLUENT, SINGLE_OBJECT, USAGE_EVENT, CodecError

Shape = Any
"""A type of the wire: `boolean`, `float`, `double`, `long`, `string`, a union with null, an array, map or record."""

_FRAMING: Mapping[bytes, tuple[str, ...]] = {
    b"": (),
    CONFLUENT: ("boolean", "float"),
    SINGLE_OBJECT[:1]: ("long", "double"),
}
_SAME_BYTES = {
    "boolean": "boolean",
    "int": "long",
    "long": "long",
    "enum": "long",
    "float": "float",
    "double": "double",
    "bytes": "string",
    "string": "string",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where the fields of `UsageEvent` lie among the columns that the bulk decoder yields."""

    schema: str
    """The schema to hand to the bulk decoder."""
    shapes: tuple[Shape, ...]
    """One a column, framing included."""
    columns: Mapping[str, int]
    """Column by field; a field that the writer does not have is missing."""
    framing: int
    """Bytes in front of each event."""
    item: tuple[int, int]
    """Where unit and quantity stand in an item of `quantities`."""


class _OtherShapeError(Exception):
    """The schema has a type that the bulk decoder does not read as the same bytes; use the reference decoder."""


def layout(writer: Schema, mark: bytes) -> Layout | None:
    """Return how `writer`'s events lie behind the framing `mark`; None where only the reference decoder reads them."""
    try:
        numbers = count()
        shapes = [_shape(field["type"], numbers) for field in writer["fields"]]
        item = _item(writer, shapes)
    except _OtherShapeError:
        return None
    framing = _FRAMING[mark[:1]]
    record = {"type": "record", "name": "event", "fields": _named((*framing, *shapes))}
    columns = {field["name"]: len(framing) + place for place, field in enumerate(writer["fields"])}
    return Layout(schema=json.dumps(record), shapes=(*framing, *shapes), columns=columns, framing=len(mark), item=item)


def refuse_endless(schema: Any, *, inside: tuple[str, ...] = ()) -> None:
    """Raise `CodecError` for a schema under which a few bytes can stand for endless data.

    An array of things that take no bytes is as long, and a type within itself as deep, as a number in the data says.
    """
    match schema:
        case list():
            for branch in schema:
                if branch != "null":
                    refuse_endless(branch, inside=inside)
        case "null" | {"type": "null"} | {"type": "record", "fields": []} | {"type": "fixed", "size": 0}:
            raise CodecError(f"the writer has a type that takes no bytes, {schema}; leave that field out")
        case str() if schema in inside:
            raise CodecError(f"the writer's type {schema} holds itself; an event is not recursive")
        case {"type": kind}:
            inner = (*inside, schema["name"]) if "name" in schema else inside
            fields = [field["type"] for field in schema.get("fields", ())]
            for part in (*fields, *(schema[key] for key in ("items", "values") if key in schema)):
                refuse_endless(part, inside=inner)
            if not isinstance(kind, str):
                refuse_endless(kind, inside=inner)


def _shape(schema: Any, numbers: Iterator[int]) -> Shape:
    """Return the shape of a writer's type; `numbers` name the records in it."""
    shape: Shape
    match schema:
        case str() if schema in _SAME_BYTES:
            shape = _SAME_BYTES[schema]
        case ["null", part]:
            shape = ["null", _shape(part, numbers)]
        case [part, "null"]:
            shape = [_shape(part, numbers), "null"]
        case {"type": "array", "items": part}:
            shape = {"type": "array", "items": _shape(part, numbers)}
        case {"type": "map", "values": part}:
            shape = {"type": "map", "values": _shape(part, numbers)}
        case {"type": "record", "fields": [_, *_] as fields}:
            parts = _named([_shape(field["type"], numbers) for field in fields])
            shape = {"type": "record", "name": f"r{next(numbers)}", "fields": parts}
        case {"type": part} if part != "record":
            shape = _shape(part, numbers)
        case _:
            raise _OtherShapeError
    return shape


def _named(shapes: Any) -> list[Schema]:
    return [{"name": f"f{position}", "type": shape} for position, shape in enumerate(shapes)]


def _item(writer: Schema, shapes: Sequence[Shape]) -> tuple[int, int]:
    """Return where unit and quantity stand; raise `_OtherShapeError` unless every field has the shape it is read by."""
    item = (0, 0)
    for field, shape in zip(writer["fields"], shapes, strict=True):
        name = field["name"]
        if name == "quantities":
            item = _places(field["type"], shape)
        elif name in _READ_AS and shape not in _READ_AS[name]:
            raise _OtherShapeError
    return item


def _places(kind: Any, shape: Shape) -> tuple[int, int]:
    match kind, shape:
        case {"items": {"fields": fields}}, {"items": {"type": "record", "fields": shapes}}:
            at = {field["name"]: place for place, field in enumerate(fields)}
            if at.keys() >= {"unit", "quantity"} and all(
                shapes[at[n]]["type"] == "string" for n in ("unit", "quantity")
            ):
                return at["unit"], at["quantity"]
    raise _OtherShapeError


def _read_as(field: Schema) -> tuple[Shape, ...]:
    kind = _shape(field["type"], count())
    if isinstance(kind, list):
        return (kind, kind[::-1], kind[1])
    return (kind,)


_READ_AS: Mapping[str, tuple[Shape, ...]] = {
    field["name"]: _read_as(field) for field in USAGE_EVENT["fields"] if field["name"] != "quantities"
}
"""The shapes that a column of ours is read from: its own, and for a nullable one either order or no null at all."""
