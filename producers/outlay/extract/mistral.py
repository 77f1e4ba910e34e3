"""Mistral: chat, embeddings, audio by the second, OCR by the page, conversations with connectors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from outlay.extract._buckets import present
from outlay.extract._read import count, get, number, text
from outlay.extract._used import UNKNOWN, Used, Uses
from outlay.extract.openai import usage as openai_usage


def usage(response: Any, *, provider: str = "mistral", model: str | None = None) -> Uses:
    """Return what a response, or the last event of a stream, was billed for."""
    inner = get(response, "data")
    if get(response, "usage") is None and get(inner, "usage") is not None:
        return usage(inner, provider=provider, model=model)
    if (pages := get(response, "usage_info")) is not None:
        return (_read(response, pages, provider, model),)
    return tuple(_with_extras(each, get(response, "usage")) for each in
                 openai_usage(response, provider=provider, model=model))  # fmt: skip


def _read(response: Any, told: Any, provider: str, model: str | None) -> Used:
    annotated = bool(get(response, "document_annotation"))
    unit = "input_annotated_document_pages" if annotated else "input_document_pages"
    named = text(response, "model") or model or UNKNOWN
    pages = present({unit: count(told, "pages_processed")})
    return Used(provider=provider, model=named, quantities=pages, operation="ocr")


def _with_extras(used: Used, told: Any) -> Used:
    """Add what Mistral counts beside tokens: seconds of sound, and the tokens and calls of connectors."""
    quantities = dict(used.quantities)
    if seconds := number(get(told, "prompt_audio_seconds")):
        quantities["input_audio_seconds"] = seconds
    if results := count(told, "connector_tokens"):
        prompt, completion = count(told, "prompt_tokens"), count(told, "completion_tokens")
        if count(told, "total_tokens") < prompt + completion + results:
            # They do not fit on top of the prompt, so they are inside it.
            results = min(results, int(quantities.get("input_tokens", 0)))
            quantities["input_tokens"] = quantities.get("input_tokens", 0) - results
        quantities["input_tool_tokens"] = results
    if asked := count(told, "connectors", "web_search"):
        quantities["web_searches"] = asked
    return replace(used, quantities=present(quantities))
