"""Avro schemas derived from the models, so that the model stays the one source.

`python -m outlay_schemas.avro_schema` writes `avro/*.avsc`. The mapping: text and choices are strings, instants
`timestamp-micros`, decimals plain text such as `37.5`; optional fields are nullable with a default. A mapping of units
becomes a long for each frequent unit and an open array of (unit, quantity) for the rest.
Decimals are text because every Avro library reads it alike, bulk decoders included, and no scale can be misread.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from datetime import datetime
from decimal import Decimal
from importlib import resources
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from outlay_schemas.entry import SpendEntry
from outlay_schemas.units import FREQUENT, QUANTITY_SCALE
from outlay_schemas.usage import UsageEvent

NAMESPACE = "dev.outlay.v1"
MODELS: dict[str, type[BaseModel]] = {"usage_event": UsageEvent, "spend_entry": SpendEntry}

Schema = dict[str, Any]

_INSTANT = {"type": "long", "logicalType": "timestamp-micros"}
_PLAIN: dict[Any, Any] = {
    str: "string",
    Decimal: "string",
    bool: "boolean",
    datetime: _INSTANT,
    AwareDatetime: _INSTANT,
}


def derive(model: type[BaseModel]) -> Schema:
    """Return the record schema of `model`; raise `TypeError` for a field the mapping does not cover."""
    fields: list[Schema] = []
    for name, info in model.model_fields.items():
        if name == "quantities":
            fields.extend(_quantities(info))
        else:
            fields.append(_field(name, info))
    return {
        "type": "record",
        "name": model.__name__,
        "namespace": NAMESPACE,
        "doc": inspect.getdoc(model),
        "fields": fields,
    }


def _field(name: str, info: FieldInfo) -> Schema:
    field = {"name": name, "type": _avro_type(info.annotation, info.metadata, name), "doc": info.description}
    if not info.is_required():
        field["default"] = info.get_default(call_default_factory=True)
    return field


def _quantities(info: FieldInfo) -> list[Schema]:
    item = {
        "type": "record",
        "name": "Quantity",
        "doc": "How much of one unit.",
        "fields": [
            {"name": "unit", "type": "string", "doc": "The unit, for example `images`."},
            {
                "name": "quantity",
                "type": "string",
                "doc": f"How much: a decimal such as `37.5`, at most {QUANTITY_SCALE} decimals, no exponent.",
            },
        ],
    }
    columns = [
        {
            "name": unit,
            "type": ["null", "long"],
            "doc": f"Quantity of the unit `{unit}`; null when not said.",
            "default": None,
        }
        for unit in FREQUENT
    ]
    rest = {
        "name": "quantities",
        "type": {"type": "array", "items": item},
        "doc": f"{info.description} Units with a field of their own never appear here; sorted by unit.",
        "default": [],
    }
    return [*columns, rest]


def _avro_type(annotation: Any, metadata: list[Any], name: str) -> Any:
    arguments = get_args(annotation)
    if get_origin(annotation) is Annotated:
        base, *more = arguments
        return _avro_type(base, [*more, *metadata], name)
    if NoneType in arguments:
        (present,) = (argument for argument in arguments if argument is not NoneType)
        return ["null", _avro_type(present, metadata, name)]
    if get_origin(annotation) is dict:
        return {"type": "map", "values": _avro_type(arguments[1], [], name)}
    if annotation is int:
        return "int" if (_bound(metadata, "le") or 2**63) < 2**31 else "long"
    plain = str if get_origin(annotation) is Literal else annotation
    if plain not in _PLAIN:
        raise TypeError(f"field {name!r}: no Avro type for {annotation!r}; extend outlay_schemas.avro_schema")
    return _PLAIN[plain]


def _bound(metadata: list[Any], attribute: str) -> Any:
    """Return a constraint, whether it stands alone or inside a `Field(...)` of an `Annotated`."""
    flat = [inner for item in metadata for inner in (item.metadata if isinstance(item, FieldInfo) else [item])]
    return next((value for item in flat if (value := getattr(item, attribute, None)) is not None), None)


def text(schema: Schema) -> str:
    """Return the schema as the text that is published: what digests are taken of."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def digest(schema_text: str) -> str:
    """Return the SHA-256 of a schema's full text; unlike Avro's fingerprint it covers logical types and defaults."""
    return hashlib.sha256(schema_text.encode()).hexdigest()


def published(name: str) -> str:
    """Return the text of `avro/<name>.avsc` as shipped."""
    return resources.files("outlay_schemas").joinpath("avro", f"{name}.avsc").read_text(encoding="utf-8")


def main() -> None:
    """Write every schema beside this module."""
    folder = Path(__file__).with_name("avro")
    folder.mkdir(exist_ok=True)
    for name, model in MODELS.items():
        path = folder / f"{name}.avsc"
        path.write_text(text(derive(model)), encoding="utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
