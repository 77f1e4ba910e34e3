"""The usage of OpenAI's chat and responses formats, which most other providers speak too, each with its own accent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from outlay.extract._buckets import MODALITIES, Side, input_side, output_side
from outlay.extract._read import count, first, get, items


@dataclass(frozen=True, slots=True, kw_only=True)
class Accent:
    """Where a provider's chat counts differ from OpenAI's."""

    reasoning_outside: bool = False
    """Whether reasoning is left out of `completion_tokens` and comes on top."""
    citations_outside: bool = False
    """Whether citations are, likewise."""
    rest_is_reasoning: bool = False
    """Whether what the total has beyond prompt and completion is reasoning, named nowhere else."""


PLAIN = Accent()
ACCENTS: Mapping[str, Accent] = {
    "google": Accent(rest_is_reasoning=True),
    "x-ai": Accent(reasoning_outside=True),
    "perplexity": Accent(reasoning_outside=True, citations_outside=True),
}


def chat_sides(usage: Any, accent: Accent = PLAIN) -> tuple[Side, Side]:
    """Split the usage of a chat completion, by the places where one provider or another keeps a count.

    A total beyond all that is named was used for something no one says, so the output is a lower bound then.
    """
    prompt, completion = count(usage, "prompt_tokens"), count(usage, "completion_tokens")
    inside = first(usage, "prompt_tokens_details", "input_tokens_details")
    detail = first(usage, "completion_tokens_details", "output_tokens_details")
    cached = max(
        count(inside, "cached_tokens"),
        count(usage, "cached_tokens"),
        count(usage, "cached_prompt_text_tokens"),
        count(usage, "prompt_cache_hit_tokens"),
        count(usage, "cache_read_input_tokens"),
    )
    writes = cache_writes(inside)
    nested, citation = count(detail, "reasoning_tokens"), count(usage, "citation_tokens")
    reasoning = nested or count(usage, "reasoning_tokens")
    given, beside = count(usage, "total_tokens"), count(usage, "connector_tokens")
    outside = accent.reasoning_outside
    if nested and given in {prompt + completion, prompt + completion + nested}:
        outside = given > prompt + completion  # the provider's own total says which it is, whoever answered
    if cached + sum(writes.values()) > prompt and given >= prompt + cached + sum(writes.values()) + completion:
        prompt += cached + sum(writes.values())
    total_out = completion + (reasoning if outside else 0) + (citation if accent.citations_outside else 0)
    rest = max(0, given - prompt - total_out - beside)
    if rest and accent.rest_is_reasoning:
        total_out, reasoning, rest = total_out + rest, reasoning + rest, 0
    made = output_side(total_out, reasoning=reasoning, citation=citation, modal=modalities(detail))
    return (
        input_side(prompt, cached=cached, writes=writes, modal=modalities(inside)),
        replace(made, exact=made.exact and not rest),
    )


def responses_sides(usage: Any) -> tuple[Side, Side]:
    """Split the usage of the responses, realtime and images formats: `input_tokens` and `output_tokens`, inclusive."""
    inside = first(usage, "input_tokens_details", "input_token_details")
    detail = first(usage, "output_tokens_details", "output_token_details")
    cached = max(count(inside, "cached_tokens"), count(usage, "cached_tokens"))
    cached_modal = modalities(first(inside, "cached_tokens_details") or get(usage, "cached_tokens_details"))
    return (
        input_side(
            count(usage, "input_tokens"),
            cached=max(cached, count(inside, "cache_read_input_tokens")),
            writes=cache_writes(inside),
            modal=modalities(inside),
            cached_modal=cached_modal,
        ),
        output_side(
            count(usage, "output_tokens"), reasoning=count(detail, "reasoning_tokens"), modal=modalities(detail)
        ),
    )


def cache_writes(details: Any) -> dict[str, int]:
    """Return the tokens written to a cache by unit; those whose lifetime is not said go to the plain one."""
    if details is None:
        return {}
    total = count(details, "cache_write_tokens")
    split = get(details, "cache_write_tokens_details")
    named = {f"cache_write_{ttl}_tokens": count(split, f"ttl_{ttl}_tokens") for ttl in ("5m", "30m", "1h", "12h")}
    rest = max(0, total - sum(named.values()))
    return {unit: tokens for unit, tokens in {**named, "cache_write_tokens": rest}.items() if tokens}


def modalities(details: Any) -> dict[str, int]:
    """Return the tokens that are not text, by modality."""
    if details is None:
        return {}
    return {name: tokens for name in MODALITIES if (tokens := count(details, f"{name}_tokens"))}


def searches(response: Any) -> dict[str, int]:
    """Return the searches a response is billed for beside its tokens."""
    told = get(response, "tool_usage", "web_search", "num_requests")
    kinds = [get(item, "type") for item in items(response, "output")]
    web = count(told) if told is not None else _web_searches(response)
    found = {"web_searches": web, "storage_searches": kinds.count("file_search_call")}
    return {unit: number for unit, number in found.items() if number}


def _web_searches(response: Any) -> int:
    """Count the searches themselves: opening a page is a call too, but a free one."""
    calls = (item for item in items(response, "output") if get(item, "type") == "web_search_call")
    return sum(get(call, "action", "type") in {None, "search"} for call in calls)
