"""Units of use: disjoint buckets, each a point in a few dimensions.

A unit says what is counted. Its dimensions place it among the others: a price for `{family: tokens, direction: input}`
also covers cached input where no closer price exists, so containment decides which rate a unit takes (the model of
genai-prices). Quantities are disjoint: an extractor turns a provider's overlapping counts into these.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

FREQUENT = (
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "reasoning_tokens",
)
"""Units with an integer column of their own everywhere; every other unit sits in the open list."""

CALLS = "requests"
"""How many calls an event stands for; 1 when the producer does not say."""

UNIT_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")

QUANTITY_SCALE = 9
"""Decimals a quantity may have."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit: its name and the dimensions that place it (family, direction, modality, token_type, ...)."""

    name: str
    dimensions: Mapping[str, str]

    @property
    def is_input(self) -> bool:
        """Whether the unit counts toward the input that decides a context tier."""
        return self.dimensions.get("family") == "tokens" and self.dimensions.get("direction") == "input"

    def covers(self, other: Unit) -> bool:
        """Return whether a price for this unit also prices `other` where nothing closer does."""
        return self.dimensions.items() <= other.dimensions.items()


def _family(family: str, **more: str) -> Mapping[str, str]:
    return MappingProxyType({"family": family, **more})


_CACHE_WRITE = {"token_type": "cache_write"}

_TOKENS: dict[str, Mapping[str, str]] = {
    "input_{}tokens": {"direction": "input"},
    "cached_input_{}tokens": {"direction": "input", "token_type": "cache_read"},
    "cache_write_{}tokens": {"direction": "input", "token_type": "cache_write"},
    "cache_write_5m_{}tokens": {"direction": "input", "token_type": "cache_write", "cache_ttl": "5m"},
    "cache_write_1h_{}tokens": {"direction": "input", "token_type": "cache_write", "cache_ttl": "1h"},
    "input_{}tool_tokens": {"direction": "input", "token_type": "tool"},
    "output_{}tokens": {"direction": "output"},
    "reasoning_{}tokens": {"direction": "output", "token_type": "reasoning"},
    "output_{}citation_tokens": {"direction": "output", "token_type": "citation"},
}


def _token_units() -> dict[str, Mapping[str, str]]:
    plain = {form.format(""): _family("tokens", **place) for form, place in _TOKENS.items()}
    return plain | {
        form.format(f"{modality}_"): _family("tokens", modality=modality, **place)
        for modality in ("text", "audio", "image", "video")
        for form, place in _TOKENS.items()
    }


_OTHER_LISTED: dict[str, Mapping[str, str]] = {
    "input_characters": _family("characters", direction="input"),
    "input_text_messages": _family("messages", direction="input", modality="text"),
    "audio_seconds": _family("durations", modality="audio"),
    "input_audio_seconds": _family("durations", direction="input", modality="audio"),
    "output_audio_seconds": _family("durations", direction="output", modality="audio"),
    "input_pixels": _family("pixels", direction="input"),
    "input_document_pages": _family("document_pages", direction="input"),
    "input_annotated_document_pages": _family("document_pages", direction="input", page_type="annotated"),
    "rerank_searches": _family("rerank"),
    "web_searches": _family("tool_calls", tool_type="web_search"),
    "social_searches": _family("tool_calls", tool_type="social_search"),
    "storage_searches": _family("tool_calls", tool_type="storage_search"),
    "code_executions": _family("tool_calls", tool_type="code_execution"),
    CALLS: _family("requests"),
}

LISTED: Mapping[str, Unit] = MappingProxyType(
    {name: Unit(name, dimensions) for name, dimensions in {**_token_units(), **_OTHER_LISTED}.items()}
)
"""Units a public price list may price, by name: `input_tokens`, `cached_input_audio_tokens`, `web_searches`, ..."""

PLACED: Mapping[str, Unit] = MappingProxyType(
    {
        **LISTED,
        **{
            name: Unit(name, _family("tokens", direction="input", cache_ttl=name.split("_")[2], **_CACHE_WRITE))
            for name in ("cache_write_30m_tokens", "cache_write_12h_tokens")
        },
    }
)
"""Every unit with a place among the others: the listed ones, and those that only a listed unit can price."""


def unit(name: str) -> Unit:
    """Return the unit called `name`; one without a place stands alone: it needs a price of its own."""
    return PLACED.get(name) or Unit(name, MappingProxyType({"own": name}))
