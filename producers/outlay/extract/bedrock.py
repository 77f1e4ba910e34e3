"""Amazon Bedrock: Converse, InvokeModel by its headers, the last event of their streams, and guardrails.

The model is the one the caller named: answers hold none, unless a prompt router chose another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from outlay.extract._buckets import present
from outlay.extract._read import Number, count, first, get, items, number, text
from outlay.extract._used import UNKNOWN, Used, Uses

_METRICS = "amazon-bedrock-invocationMetrics"
_HEADERS = {
    "input_tokens": "x-amzn-bedrock-input-token-count",
    "output_tokens": "x-amzn-bedrock-output-token-count",
    "cached_input_tokens": "x-amzn-bedrock-cache-read-input-token-count",
    "cache_write_tokens": "x-amzn-bedrock-cache-write-input-token-count",
}
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def usage(response: Any, *, provider: str = "aws", model: str | None = None) -> Uses:
    """Return what a response, a stream's `metadata` event or its last chunk was billed for."""
    event = get(response, "metadata")
    if event is not None and get(event, "usage") is not None:
        return usage({**_mapping(event), "ResponseMetadata": get(response, "ResponseMetadata")},
                     provider=provider, model=model)  # fmt: skip
    told = get(response, "usage")
    if get(told, "inputTokens") is not None:
        return (_conversed(response, told, provider, model),)
    if get(told, "topicPolicyUnits") is not None:
        return (_guarded(response, told, provider),)
    if (metrics := get(response, _METRICS)) is not None:
        return (_used(response, provider, model, _counted(metrics), operation="invoke_model"),)
    headers = get(response, "ResponseMetadata", "HTTPHeaders")
    return () if headers is None else invoked(headers, provider=provider, model=model)


def invoked(headers: Mapping[str, str], *, provider: str = "aws", model: str | None = None) -> Uses:
    """Return what InvokeModel was billed for, by its headers; nothing where the model sends no counts there."""
    by_name = {name.lower(): value for name, value in headers.items()}
    counts = {unit: int(number(by_name.get(name)) or 0) for unit, name in _HEADERS.items()}
    if _HEADERS["input_tokens"] not in by_name and _HEADERS["output_tokens"] not in by_name:
        return ()
    return (
        Used(
            provider=provider,
            model=model or UNKNOWN,
            quantities=present(counts),
            service_tier=by_name.get("x-amzn-bedrock-service-tier"),
            operation="invoke_model",
            request_id=by_name.get("x-amzn-requestid"),
        ),
    )


def _conversed(response: Any, told: Any, provider: str, model: str | None) -> Used:
    written = count(told, "cacheWriteInputTokens")
    by_ttl = {"5m": 0, "1h": 0}
    for entry in items(told, "cacheDetails"):
        ttl = text(entry, "ttl")
        if ttl in by_ttl:
            by_ttl[ttl] += count(entry, "inputTokens")
    counts = {
        "input_tokens": count(told, "inputTokens"),
        "cached_input_tokens": count(told, "cacheReadInputTokens"),
        "cache_write_5m_tokens": by_ttl["5m"],
        "cache_write_1h_tokens": by_ttl["1h"],
        "cache_write_tokens": max(0, written - sum(by_ttl.values())),
        "output_tokens": count(told, "outputTokens"),
    }
    routed = text(response, "trace", "promptRouter", "invokedModelId")
    return _used(response, provider, routed or model, present(counts), operation="converse")


def _counted(metrics: Any) -> dict[str, Number]:
    return present(
        {
            "input_tokens": count(metrics, "inputTokenCount"),
            "cached_input_tokens": count(metrics, "cacheReadInputTokenCount"),
            "cache_write_tokens": count(metrics, "cacheWriteInputTokenCount"),
            "output_tokens": count(metrics, "outputTokenCount"),
        }
    )


def _guarded(response: Any, told: Any, provider: str) -> Used:
    named = {f"guardrail_{_WORD.sub('_', name).lower()}": count(units) for name, units in _mapping(told).items()}
    billed = {name: units for name, units in named.items() if "free" not in name}
    return _used(response, provider, "guardrails", present(billed), operation="apply_guardrail")


def _used(response: Any, provider: str, model: str | None, quantities: dict[str, Number], *, operation: str) -> Used:
    return Used(
        provider=provider,
        model=model or UNKNOWN,
        quantities=quantities,
        service_tier=text(response, "serviceTier", "type"),
        operation=operation,
        request_id=text(first(get(response, "ResponseMetadata"), "RequestId")),
    )


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else dict(vars(value))
