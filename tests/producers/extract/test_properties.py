"""Disjoint units add up to the provider's own totals, whatever the numbers, and agree with genai-prices."""

from __future__ import annotations

from typing import Any

import pytest
from genai_prices import extract_usage
from hypothesis import given
from hypothesis import strategies as st

from outlay import extract

tokens = st.integers(0, 5_000_000)
CHAT = ["openai", "azure", "groq", "deepseek", "mistral", "openrouter", "together", "fireworks", "x-ai", "perplexity"]


def side(quantities: Any, *names: str) -> int:
    """The sum of the units of one side of a call."""
    return sum(number for unit, number in quantities.items() if unit.startswith(names))


def given_and_made(quantities: Any) -> tuple[int, int]:
    return side(quantities, "input_", "cached_input_", "cache_write_"), side(quantities, "output_", "reasoning_")


@given(st.sampled_from(CHAT), tokens, tokens, tokens, tokens, tokens, tokens, tokens)
def test_chat(
    provider: str, prompt: int, cached: int, written: int, audio: int, completion: int, reasoning: int, spoken: int
) -> None:
    told = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written, "audio_tokens": audio},
        "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": spoken},
    }
    (used,) = extract.usage(provider, {"object": "chat.completion", "model": "m", "usage": told})
    outside = reasoning if provider in {"x-ai", "perplexity"} else 0
    assert given_and_made(used.quantities) == (prompt, completion + outside)
    assert min(used.quantities.values(), default=1) > 0
    assert used.estimated == (cached + written > prompt or reasoning > completion + outside)


@given(tokens, tokens, st.dictionaries(st.sampled_from(["text", "audio", "image"]), tokens), tokens, tokens, tokens)
def test_realtime(total: int, cached: int, modal: dict[str, int], cached_audio: int, made: int, spoken: int) -> None:
    told = {
        "input_tokens": total,
        "output_tokens": made,
        "input_token_details": {
            **{f"{name}_tokens": number for name, number in modal.items()},
            "cached_tokens": cached,
            "cached_tokens_details": {"audio_tokens": cached_audio},
        },
        "output_token_details": {"audio_tokens": spoken},
    }
    (used,) = extract.usage("openai", {"object": "realtime.response", "usage": told}, model="m")
    assert given_and_made(used.quantities) == (total, made)
    assert min(used.quantities.values(), default=1) > 0


@given(tokens, tokens, tokens, tokens, tokens, tokens, st.booleans())
def test_messages(fresh: int, read: int, five: int, hour: int, made: int, thought: int, split: bool) -> None:
    told: dict[str, Any] = {
        "input_tokens": fresh,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": five + hour,
        "output_tokens": made,
        "output_tokens_details": {"thinking_tokens": thought},
    }
    if split:
        told["cache_creation"] = {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour}
    (used,) = extract.usage("anthropic", {"type": "message", "model": "m", "usage": told})
    assert given_and_made(used.quantities) == (fresh + read + five + hour, made)
    assert used.quantities.get("cache_write_5m_tokens", 0) == (five if split else 0)


modes = st.dictionaries(st.sampled_from(["TEXT", "IMAGE", "AUDIO", "VIDEO", "DOCUMENT"]), tokens)


@given(tokens, tokens, modes, modes, tokens, modes, tokens, tokens)
def test_gemini(
    prompt: int,
    cached: int,
    modal: dict[str, int],
    cached_modal: dict[str, int],
    tools: int,
    made_modal: dict[str, int],
    candidates: int,
    thoughts: int,
) -> None:
    told = {
        "promptTokenCount": prompt,
        "cachedContentTokenCount": cached,
        "toolUsePromptTokenCount": tools,
        "candidatesTokenCount": candidates,
        "thoughtsTokenCount": thoughts,
        "promptTokensDetails": [{"modality": name, "tokenCount": number} for name, number in modal.items()],
        "cacheTokensDetails": [{"modality": name, "tokenCount": number} for name, number in cached_modal.items()],
        "candidatesTokensDetails": [{"modality": name, "tokenCount": number} for name, number in made_modal.items()],
    }
    (used,) = extract.usage("google", {"modelVersion": "m", "usageMetadata": told})
    assert given_and_made(used.quantities) == (prompt + tools, candidates + thoughts)
    assert min(used.quantities.values(), default=1) > 0


@given(tokens, tokens, tokens, tokens)
def test_converse(fresh: int, read: int, written: int, made: int) -> None:
    told = {"inputTokens": fresh, "cacheReadInputTokens": read, "cacheWriteInputTokens": written, "outputTokens": made}
    (used,) = extract.usage("bedrock", {"usage": told}, model="m")
    assert given_and_made(used.quantities) == (fresh + read + written, made)


@pytest.mark.parametrize("hostile", [True, -1, float("nan"), float("inf"), "many", [], {}, None, 10**30, 1.5])
@pytest.mark.parametrize("field", ["prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "cost"])
def test_numbers_that_are_none_count_nothing(hostile: object, field: str) -> None:
    told = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, field: hostile}
    (used,) = extract.usage("openrouter", {"object": "chat.completion", "model": "m", "usage": told})
    assert all(number >= 0 for number in used.quantities.values())


def agree(provider: str, flavor: str, response: dict[str, Any], names: dict[str, tuple[str, ...]]) -> None:
    """Hold our units, summed as genai-prices overlaps them, against its own."""
    theirs = extract_usage(response, provider_id=provider, api_flavor=flavor).usage
    (ours,) = extract.usage(provider, response)
    for field, units in names.items():
        assert sum(ours.quantities.get(unit, 0) for unit in units) == (getattr(theirs, field) or 0), field


INPUT = ("input_tokens", "input_audio_tokens", "input_image_tokens", "cached_input_tokens", "cached_input_audio_tokens",
         "cache_write_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")  # fmt: skip
OUTPUT = ("output_tokens", "output_audio_tokens", "reasoning_tokens")
OVERLAPPING = {
    "input_tokens": INPUT,
    "cache_read_tokens": ("cached_input_tokens", "cached_input_audio_tokens"),
    "output_tokens": OUTPUT,
}


@given(prompt=tokens, cached=tokens, completion=tokens, reasoning=tokens)
@pytest.mark.parametrize("provider", ["openai", "azure", "groq", "deepseek", "mistral", "openrouter", "x-ai"])
def test_agrees_on_chat(provider: str, prompt: int, cached: int, completion: int, reasoning: int) -> None:
    told = {
        "prompt_tokens": prompt + cached,
        "completion_tokens": completion + reasoning,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
    flavor = "default" if provider in {"groq", "mistral"} else "chat"
    models = {"groq": "llama-3.3-70b-versatile", "mistral": "mistral-large-2411", "deepseek": "deepseek-chat",
              "x-ai": "grok-4-0709", "openrouter": "openai/gpt-4o"}  # fmt: skip
    response = {"object": "chat.completion", "model": models.get(provider, "gpt-4o"), "usage": told}
    agree(provider, flavor, response, OVERLAPPING)


@given(prompt=tokens, cached=tokens, made=tokens, thought=tokens, written=tokens)
def test_agrees_on_messages(prompt: int, cached: int, made: int, thought: int, written: int) -> None:
    told = {
        "input_tokens": prompt,
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": written,
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": made + thought,
        "output_tokens_details": {"thinking_tokens": thought},
    }
    response = {"type": "message", "model": "claude-sonnet-4-5-20250929", "usage": told}
    agree("anthropic", "default", response, {**OVERLAPPING, "output_reasoning_tokens": ("reasoning_tokens",)})
