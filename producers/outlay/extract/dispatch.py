"""Which module reads a provider's responses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from outlay.extract import anthropic, bedrock, cohere, google, mistral, openai, voyage
from outlay.extract._read import get
from outlay.extract._used import Uses

_READERS: dict[str, tuple[str, Callable[..., Uses]]] = {
    "amazon_bedrock": ("aws", bedrock.usage),
    "anthropic": ("anthropic", anthropic.usage),
    "aws": ("aws", bedrock.usage),
    "bedrock": ("aws", bedrock.usage),
    "cohere": ("cohere", cohere.usage),
    "gemini": ("google", google.usage),
    "google": ("google", google.usage),
    "mistral": ("mistral", mistral.usage),
    "vertex": ("google", google.usage),
    "vertex_ai": ("google", google.usage),
    "voyage": ("voyageai", voyage.usage),
    "voyageai": ("voyageai", voyage.usage),
    "xai": ("x-ai", openai.usage),
}


def canonical(provider: str) -> str:
    """Return the provider's name in the price list, where it has another one here."""
    return _READERS[provider][0] if provider in _READERS else provider


def usage(provider: str, response: Any, *, model: str | None = None) -> Uses:
    """Return what a response of the provider was billed for, as disjoint quantities; empty where it says nothing.

    `response` is the object of the provider's library, or the mapping its JSON is. `model` is the one asked for, used
    where the response names none. A provider not known by name is read as one that speaks OpenAI's formats, and so is
    an answer not of its provider's own formats; a Claude message is read as one, whoever serves it.
    """
    name, read = _READERS.get(provider, (provider, openai.usage))
    if get(response, "type") == "message" and get(response, "usage") is not None:
        read = anthropic.usage
    elif get(response, "object") in {"chat.completion", "chat.completion.chunk"} and read is not mistral.usage:
        read = openai.usage
    found: Uses = read(response, provider=name, model=model)
    if found or read is openai.usage or get(response, "usage") is None:
        return found
    return tuple(each for each in openai.usage(response, provider=name, model=model) if each.quantities)
