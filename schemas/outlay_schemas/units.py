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


def _tokens(direction: str, **more: str) -> Mapping[str, str]:
    return MappingProxyType({"family": "tokens", "direction": direction, **more})


_FREQUENT_DIMENSIONS: dict[str, Mapping[str, str]] = {
    "input_tokens": _tokens("input"),
    "cached_input_tokens": _tokens("input", token_type="cache_read"),
    "cache_write_tokens": _tokens("input", token_type="cache_write"),
    "cache_write_5m_tokens": _tokens("input", token_type="cache_write", cache_ttl="5m"),
    "cache_write_1h_tokens": _tokens("input", token_type="cache_write", cache_ttl="1h"),
    "output_tokens": _tokens("output"),
    "reasoning_tokens": _tokens("output", token_type="reasoning"),
}


def frequent_units() -> tuple[Unit, ...]:
    """Return the units that have their own column, in column order."""
    return tuple(Unit(name, _FREQUENT_DIMENSIONS[name]) for name in FREQUENT)
