"""Google Gemini, on its own API and on Vertex: modalities, cached content, thoughts, tool results; live; embeddings.

Both spellings are read: the REST API's camel case and the Python library's snake case.
"""

from __future__ import annotations

from typing import Any

from outlay.extract._buckets import input_side, output_side, present
from outlay.extract._read import Number, count, first, get, items, number, text
from outlay.extract._used import UNKNOWN, Used, Uses

_MODALITY = {"AUDIO": "audio", "IMAGE": "image", "DOCUMENT": "image", "VIDEO": "video"}


def usage(response: Any, *, provider: str = "google", model: str | None = None) -> Uses:
    """Return what a response, or the last chunk of one, was billed for; `model` where the response has none."""
    told = first(response, "usageMetadata", "usage_metadata")
    if told is not None:
        return (_generated(response, told, provider, model),)
    if get(response, "usage", "total_input_tokens") is not None:
        return (_interaction(response, provider, model),)
    if any(True for _ in items(response, "embeddings")):
        return (_embedded(response, provider, model),)
    made = sum(1 for _ in items(response, "generated_images")) or sum(1 for _ in items(response, "generatedImages"))
    if made:
        return (_used(response, provider, model, {"images": made}, operation="images"),)
    return ()


def _generated(response: Any, told: Any, provider: str, model: str | None) -> Used:
    prompt = _count(told, "promptTokenCount", "prompt_token_count")
    cached = _count(told, "cachedContentTokenCount", "cached_content_token_count")
    tools = _count(told, "toolUsePromptTokenCount", "tool_use_prompt_token_count")
    candidates = _count(told, "candidatesTokenCount", "candidates_token_count") or _count(
        told, "responseTokenCount", "response_token_count"
    )
    thoughts = _count(told, "thoughtsTokenCount", "thoughts_token_count")
    given = input_side(
        prompt,
        cached=cached,
        modal=_modal(told, "promptTokensDetails", "prompt_tokens_details"),
        cached_modal=_modal(told, "cacheTokensDetails", "cache_tokens_details"),
    )
    results = input_side(tools, modal=_modal(told, "toolUsePromptTokensDetails", "tool_use_prompt_tokens_details"))
    made = output_side(
        candidates + thoughts,
        reasoning=thoughts,
        modal=_modal(told, "candidatesTokensDetails", "candidates_tokens_details")
        or _modal(told, "responseTokensDetails", "response_tokens_details"),
    )
    tool_units = {unit.removesuffix("_tokens") + "_tool_tokens": tokens for unit, tokens in results.units.items()}
    embedded = not candidates and not thoughts and any(True for _ in items(response, "embeddings"))
    return _used(
        response,
        provider,
        model,
        {**given.units, **tool_units, **made.units},
        service_tier=_tier(told),
        operation="embeddings" if embedded else "generate_content",
        estimated=not given.exact,
    )


def _interaction(response: Any, provider: str, model: str | None) -> Used:
    told = get(response, "usage")
    given, made = count(told, "total_input_tokens"), count(told, "total_output_tokens")
    thoughts, tools = count(told, "total_thought_tokens"), count(told, "total_tool_use_tokens")
    # Whether thoughts are inside the output is not documented; the total tells.
    inside = bool(thoughts) and count(told, "total_tokens") == given + made + tools
    total = made if inside else made + thoughts
    asked = sum(count(each, "count") for each in items(told, "grounding_tool_count")
                if text(each, "type") == "google_search")  # fmt: skip
    sides = input_side(given, cached=count(told, "total_cached_tokens")), output_side(total, reasoning=thoughts)
    more = present({"input_tool_tokens": tools, "web_searches": asked})
    quantities: dict[str, Number] = {**sides[0].units, **sides[1].units, **more}
    return _used(response, provider, model, quantities, operation="interaction", estimated=not sides[0].exact)


def _embedded(response: Any, provider: str, model: str | None) -> Used:
    characters = number(first(get(response, "metadata"), "billable_character_count", "billableCharacterCount"))
    tokens = sum(
        number(first(get(each, "statistics"), "token_count", "tokenCount")) or 0
        for each in items(response, "embeddings")
    )
    named = text(response, "model") or model or ""
    # Gemini's embeddings are billed by the token, the older ones of Vertex by the character.
    by_token = not characters or "gemini" in named
    found: dict[str, Number] = (
        {"input_tokens": tokens} if by_token and tokens else {"input_characters": characters or 0}
    )
    return _used(response, provider, model, present(found), operation="embeddings")


def _used(response: Any, provider: str, model: str | None, quantities: dict[str, Number], **more: Any) -> Used:
    named = first(response, "modelVersion", "model_version", "model")
    return Used(
        provider=provider,
        model=text(named) or model or UNKNOWN,
        quantities=quantities,
        request_id=text(response, "responseId") or text(response, "response_id") or text(response, "id"),
        **more,
    )


def _count(told: Any, *names: str) -> int:
    return int(number(first(told, *names)) or 0)


def _modal(told: Any, *names: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in names:
        for entry in items(told, name):
            spelt = text(first(entry, "modality"))
            if modality := _MODALITY.get((spelt or "").upper()):
                found[modality] = found.get(modality, 0) + _count(entry, "tokenCount", "token_count")
    return found


def _tier(told: Any) -> str | None:
    tier = text(first(told, "trafficType", "traffic_type", "serviceTier", "service_tier"))
    return None if tier is None else tier.lower().removeprefix("traffic_type_")
