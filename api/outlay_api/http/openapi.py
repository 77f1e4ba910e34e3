"""The OpenAPI document: FastAPI's, with the problems every operation may answer and the shapes raw bodies have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from outlay_api.documents.catalog import catalog_schemas
from outlay_api.documents.intake import event_schemas
from outlay_api.http.problems import MEDIA_TYPE, TYPE_PREFIX

TAGS = [
    {"name": "intake", "description": "Send usage events."},
    {"name": "spend", "description": "Ask what was spent, on what, by whom, and why it costs that."},
    {"name": "ledger", "description": "Conservation and self-checks of the ledger."},
    {"name": "budgets", "description": "How budgets stand, and what each team spends right now."},
    {"name": "catalog", "description": "What an organisation declares: teams, rules, contract prices, budgets."},
    {"name": "prices", "description": "Prices, list and contract, as they were and are."},
    {"name": "keys", "description": "API keys."},
    {"name": "operations", "description": "Health, metrics, version."},
]

_PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457. Programs key on `type`; `detail` is for people.",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["detail"],
                "properties": {
                    "detail": {"type": "string"},
                    "pointer": {"type": "string", "description": "Where in the body, a JSON pointer fragment."},
                    "parameter": {"type": "string", "description": "Which parameter."},
                },
            },
        },
    },
    "additionalProperties": True,
    "example": {
        "type": TYPE_PREFIX + "unknown-parameter",
        "title": "Bad Request",
        "status": 400,
        "detail": "unknown parameter 'grop_by'; did you mean 'group_by'?",
        "instance": "/v1/spend",
        "errors": [
            {"detail": "unknown parameter 'grop_by'; did you mean 'group_by'?", "parameter": "grop_by"},
        ],
    },
}

_MEANINGS = {
    400: "The request is malformed.",
    401: "No API key, or one that is not valid.",
    403: "The key lacks the scope.",
    404: "There is nothing by that name.",
    408: "The body took too long to arrive.",
    409: "It collides with what is there.",
    412: "It changed since it was read.",
    413: "The body, or the number of events in it, is too large.",
    415: "The content type or encoding is not read here.",
    422: "The body is well formed and its content is invalid.",
    500: "A fault of the server.",
    503: "Busy, or the store is away; try again after `Retry-After` seconds.",
}


def describe(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """Return what `app.openapi` should be: the finished document, built once."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _finished(app)
        return app.openapi_schema

    return document


def _finished(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=TAGS,
        license_info=app.license_info,
    )
    schemas = document["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas.update(event_schemas())
    schemas.update(catalog_schemas())
    schemas["Problem"] = _PROBLEM_SCHEMA
    document["components"]["responses"] = {f"Problem{status}": _response(status) for status in _MEANINGS}
    for operation in _operations(document):
        _add_problems(operation)
    return document


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


def _add_problems(operation: dict[str, Any]) -> None:
    """Document what may go wrong, unless the route documents that status itself; FastAPI's own 422 is never sent."""
    responses = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422", "")):
        del responses["422"]
    possible = {400, 500}
    if "security" in operation:
        possible |= {401, 403, 503}
    if any(parameter["in"] == "path" for parameter in operation.get("parameters", ())):
        possible.add(404)
    if "requestBody" in operation:
        possible |= {408, 413, 415, 422}
    for status in sorted(possible):
        responses.setdefault(str(status), {"$ref": f"#/components/responses/Problem{status}"})


def _response(status: int) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": _MEANINGS[status],
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status == 503:
        answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}}
    return answer


def problem(status: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` entry of a route that answers `status` for a reason of its own."""
    return {status: _response(status)}
