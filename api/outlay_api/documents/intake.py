"""The request body of intake as OpenAPI shows it: every content type with an example."""

from __future__ import annotations

import json
from typing import Any

from outlay_schemas.usage import CLOUDEVENT_TYPE, UsageEvent

EVENT: dict[str, Any] = {
    "id": "call-0017",
    "source": "urn:example:search-api",
    "time": "2026-11-24T10:15:30.125Z",
    "provider": "openai",
    "model": "gpt-5-mini-2025-08-07",
    "quantities": {"input_tokens": 386, "cached_input_tokens": 1920, "output_tokens": 412},
    "app": "search-api",
    "env": "production",
    "tags": {"feature": "answers"},
    "latency_ms": 1840,
}

_CLOUD_EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "type": CLOUDEVENT_TYPE,
    "id": EVENT["id"],
    "source": EVENT["source"],
    "time": EVENT["time"],
    "datacontenttype": "application/json",
    "data": {name: value for name, value in EVENT.items() if name not in {"id", "source", "time"}},
}

_EVENT_SCHEMA: dict[str, Any] = {"$ref": "#/components/schemas/UsageEvent"}
_CLOUD_EVENT_SCHEMA: dict[str, Any] = {"type": "object", "required": ["specversion", "type", "id", "source"]}

REQUEST_BODY: dict[str, Any] = {
    "required": True,
    "description": (
        "One usage event, an array of them, one a line (NDJSON), or CloudEvents 1.0 (structured, batch, binary). "
        "`Content-Encoding` may be gzip or zstd."
    ),
    "content": {
        "application/json": {
            "schema": {"oneOf": [_EVENT_SCHEMA, {"type": "array", "items": _EVENT_SCHEMA}]},
            "examples": {"one": {"value": EVENT}, "several": {"value": [EVENT]}},
        },
        "application/x-ndjson": {"schema": {"type": "string"}, "example": json.dumps(EVENT) + "\n"},
        "application/cloudevents+json": {"schema": _CLOUD_EVENT_SCHEMA, "example": _CLOUD_EVENT},
        "application/cloudevents-batch+json": {
            "schema": {"type": "array", "items": _CLOUD_EVENT_SCHEMA},
            "example": [_CLOUD_EVENT],
        },
    },
}


def event_schemas() -> dict[str, Any]:
    """Return the schemas that the request body refers to, by name."""
    schema = UsageEvent.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs", {}), "UsageEvent": schema}
