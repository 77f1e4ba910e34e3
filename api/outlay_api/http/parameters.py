"""Strict query parameters: a misspelt filter must not silently answer another question."""

from __future__ import annotations

from difflib import get_close_matches

from fastapi import Request

from outlay_api.http.problems import Fault, Problem

DYNAMIC = "x-outlay-parameter-prefixes"
"""OpenAPI extension of an operation: prefixes of parameters whose names the caller chooses, such as `tags.`."""


async def refuse_unknown_parameters(request: Request) -> None:
    """Raise a 400 problem that names every query parameter the route does not document, and the closest it does."""
    sent = set(request.query_params)
    if not sent:
        return
    path = request.scope["route"].path_format
    operation = request.app.openapi()["paths"].get(path, {}).get(request.method.lower())
    if operation is None:
        return
    known = [parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"]
    prefixes = tuple(operation.get(DYNAMIC, ()))
    unknown = sorted(name for name in sent.difference(known) if not name.startswith(prefixes))
    if unknown:
        faults = [Fault(_explained(name, known), parameter=name) for name in unknown]
        raise Problem(400, "unknown-parameter", "; ".join(fault.detail for fault in faults), faults=faults)


def _explained(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    if close:
        return f"unknown parameter {name!r}; did you mean {close[0]!r}?"
    return f"unknown parameter {name!r}; this route takes {', '.join(known) or 'none'}"
