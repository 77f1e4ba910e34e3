"""Avro records as any producer may write them: with our schema or an older or newer one, valid or not."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import fastavro

from outlay_schemas.avro_schema import Schema
from outlay_schemas.codec import CONFLUENT, SINGLE_OBJECT, USAGE_EVENT, schema_fingerprint

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
Record = dict[str, Any]
EMPTY: Record = {field["name"]: field.get("default") for field in USAGE_EVENT["fields"]}


def record(**fields: Any) -> Record:
    """Return the fields of a valid event, with these in place of theirs."""
    return EMPTY | {"id": "e1", "time": NOW, "provider": "openai", "model": "gpt-5-mini"} | fields


def schema(*fields: Schema | str, **changes: Any) -> Schema:
    """Return ours with these fields, by name or spelt out; `changes` are other types for fields of ours."""
    ours = {field["name"]: field for field in USAGE_EVENT["fields"]}
    chosen = [ours[field] if isinstance(field, str) else field for field in fields or ours.values()]
    changed = [{**field, "type": changes.get(field["name"], field["type"])} for field in chosen]
    return {**USAGE_EVENT, "fields": changed}


def written(fields: Record, writer: Schema = USAGE_EVENT) -> bytes:
    """Return plain Avro; fields that the writer does not have are left out."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, writer, {field["name"]: fields[field["name"]] for field in writer["fields"]})
    return out.getvalue()


def confluent(data: bytes, schema_id: int) -> bytes:
    return CONFLUENT + schema_id.to_bytes(4, "big") + data


def single_object(data: bytes, writer: Schema = USAGE_EVENT) -> bytes:
    return SINGLE_OBJECT + schema_fingerprint(writer) + data


def _extra(name: str, kind: Any) -> Schema:
    return {"name": name, "type": kind}


EXTRAS: Record = {
    "note": "n",
    "score": 0.5,
    "ratio": 0.25,
    "flag": True,
    "level": "high",
    "steps": [1, -(2**40)],
    "labels": {"a": [b"x", None]},
    "inner": {"deep": {"x": None}, "many": ["a", "b"]},
    "maybe": None,
}
NEWER = schema(
    _extra("note", ["string", "null"]),
    "id",
    _extra("score", "double"),
    "time",
    _extra("ratio", "float"),
    "tags",
    _extra("flag", "boolean"),
    "provider",
    _extra("level", {"type": "enum", "name": "Level", "symbols": ["low", "high"]}),
    "model",
    _extra("steps", {"type": "array", "items": "long"}),
    "quantities",
    _extra("labels", {"type": "map", "values": {"type": "array", "items": ["null", "bytes"]}}),
    "kind",
    _extra(
        "inner",
        {
            "type": "record",
            "name": "Inner",
            "fields": [
                {
                    "name": "deep",
                    "type": {"type": "record", "name": "Deep", "fields": [{"name": "x", "type": ["int", "null"]}]},
                },
                {"name": "many", "type": {"type": "array", "items": "string"}},
            ],
        },
    ),
    "amount",
    "provider_cost",
    "team",
    "input_tokens",
    "latency_ms",
    _extra("maybe", ["null", {"type": "map", "values": "string"}]),
)
"""Another order, and new fields of every shape that columns read."""

OLDER = schema("id", "time", "provider", "model", "input_tokens", "kind", "amount")
REORDERED = schema(*reversed([field["name"] for field in USAGE_EVENT["fields"]]))
NARROWER = schema(
    provider="bytes",
    model={"type": "string", "avro.java.string": "String"},
    input_tokens=["int", "null"],
    output_tokens=["null", "int"],
    team=["string", "null"],
    latency_ms=["int", "null"],
)
"""Types that ours promotes, unions the other way round, and attributes that mean nothing to us."""

ODD = schema(
    "id",
    "time",
    "provider",
    "model",
    "tags",
    "quantities",
    _extra("digest", {"type": "fixed", "name": "Digest", "size": 4}),
    _extra("either", ["null", "string", "long"]),
    _extra("again", ["null", "dev.outlay.v1.Quantity"]),
)
"""Shapes that only the reference decoder reads."""

EXTRAS |= {"digest": b"abcd", "either": 5, "again": {"unit": "images", "quantity": "1"}}

WRITERS = {1: USAGE_EVENT, 2: NEWER, 3: OLDER, 4: REORDERED, 5: NARROWER, 6: ODD}
"""Writer schemas by the id a registry would give them."""
