"""Anthropic messages: three disjoint input counts, cache writes by lifetime, server tools, iterations, batches.

On Bedrock, Vertex and Azure the body is the same; `provider` says who bills it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from outlay.extract._buckets import output_side, present
from outlay.extract._read import Number, count, get, items, text
from outlay.extract._used import UNKNOWN, Used, Uses, identified
from outlay.extract.openai import usage as openai_usage


def usage(response: Any, *, provider: str = "anthropic", model: str | None = None) -> Uses:
    """Return what a message, a batch result or a managed session was billed for."""
    if (result := get(response, "result")) is not None:
        return _batch_result(response, result, provider, model)
    told = get(response, "usage")
    if told is None:
        return ()
    if get(told, "input_tokens") is None and get(told, "prompt_tokens") is not None:
        return openai_usage(response, provider=provider, model=model)  # the OpenAI-compatible endpoint
    quantities, exact = units(told)
    own = Used(
        provider=provider,
        model=text(response, "model") or model or UNKNOWN,
        quantities=quantities,
        service_tier=_tier(told),
        region=_region(told),
        operation="messages",
        request_id=text(response, "id"),
        estimated=not exact,
    )
    return (own, *_iterations(told, own))


def units(told: Any) -> tuple[dict[str, Number], bool]:
    """Return the disjoint units of a usage object, and whether its counts agree."""
    written = count(told, "cache_creation_input_tokens")
    five = count(told, "cache_creation", "ephemeral_5m_input_tokens")
    hour = count(told, "cache_creation", "ephemeral_1h_input_tokens")
    made = output_side(count(told, "output_tokens"), reasoning=count(told, "output_tokens_details", "thinking_tokens"))
    quantities = {
        "input_tokens": count(told, "input_tokens"),
        "cached_input_tokens": count(told, "cache_read_input_tokens"),
        "cache_write_5m_tokens": five,
        "cache_write_1h_tokens": hour,
        "cache_write_tokens": max(0, written - five - hour),
        **made.units,
        "web_searches": count(told, "server_tool_use", "web_search_requests"),
    }
    # Thinking may be off by a few tokens, as documented, and is no contradiction.
    return present(quantities), not written or five + hour <= written


def _tier(told: Any) -> str | None:
    return "fast" if text(told, "speed") == "fast" else text(told, "service_tier")


def _region(told: Any) -> str | None:
    geography = text(told, "inference_geo")
    return None if geography == "not_available" else geography


def _iterations(told: Any, own: Used) -> Uses:
    """Return what the totals leave out: compactions, and the turns of another model, under its name."""
    found = []
    for entry in items(told, "iterations"):
        kind, named = text(entry, "type"), text(entry, "model")
        if kind == "message" or not (kind == "compaction" or (named is not None and named != own.model)):
            continue
        quantities, exact = units(entry)
        found.append(replace(own, model=named or own.model, quantities=quantities, operation=kind, estimated=not exact))
    return tuple(found)


def _batch_result(line: Any, result: Any, provider: str, model: str | None) -> Uses:
    if get(result, "type") != "succeeded":
        return ()
    read = usage(get(result, "message"), provider=provider, model=model)
    named = text(result, "message", "id") or text(line, "custom_id")
    return identified(read, named, service_tier="batch")
