"""From a provider's overlapping counts to disjoint units.

Whatever a provider says, the units of a side add up to its total. Text is what no other unit names, so it goes to the
plain unit. A part larger than its whole is cut to it, and the result is no longer exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from outlay.extract._read import Number

Units = dict[str, int]
_N = TypeVar("_N", bound=Number)

TEXT = "text"
MODALITIES = ("audio", "image", "video")


@dataclass(frozen=True, slots=True)
class Side:
    """The units of a call's input or output, and whether the provider's counts agreed."""

    units: Mapping[str, int]
    exact: bool = True


def input_side(
    total: int,
    *,
    cached: int = 0,
    writes: Mapping[str, int] | None = None,
    modal: Mapping[str, int] | None = None,
    cached_modal: Mapping[str, int] | None = None,
) -> Side:
    """Split an input total that includes what was read from a cache, what was written to one, and every modality.

    `writes` is by unit (`cache_write_5m_tokens`), `modal` and `cached_modal` by modality; `modal` includes cached.
    """
    wanted = cached + sum((writes or {}).values())
    written: Units = {}
    free = total - min(cached, total)
    for unit, tokens in (writes or {}).items():
        written[unit] = min(tokens, free)
        free -= written[unit]
    cached_by = _within(cached_modal or {}, min(cached, total))
    fresh = {name: max(0, tokens - cached_by.get(name, 0)) for name, tokens in (modal or {}).items() if name != TEXT}
    fresh_by = _within(fresh, free)
    units = {
        "input_tokens": free - sum(fresh_by.values()),
        **{f"input_{name}_tokens": tokens for name, tokens in fresh_by.items()},
        "cached_input_tokens": min(cached, total) - sum(cached_by.values()),
        **{f"cached_input_{name}_tokens": tokens for name, tokens in cached_by.items()},
        **written,
    }
    return Side(present(units), exact=wanted <= total)


def output_side(total: int, *, reasoning: int = 0, citation: int = 0, modal: Mapping[str, int] | None = None) -> Side:
    """Split an output total that includes reasoning, citations and every modality."""
    thought = min(reasoning, total)
    cited = min(citation, total - thought)
    by = _within({name: tokens for name, tokens in (modal or {}).items() if name != TEXT}, total - thought - cited)
    units = {
        "output_tokens": total - thought - cited - sum(by.values()),
        **{f"output_{name}_tokens": tokens for name, tokens in by.items()},
        "reasoning_tokens": thought,
        "output_citation_tokens": cited,
    }
    return Side(present(units), exact=reasoning + citation <= total)


def present(units: Mapping[str, _N]) -> dict[str, _N]:
    """Return the units of which something was used."""
    return {unit: quantity for unit, quantity in units.items() if quantity}


def _within(parts: Mapping[str, int], total: int) -> Units:
    """Return the modalities, cut where they exceed the total together."""
    kept: Units = {}
    for name in MODALITIES:
        if tokens := min(parts.get(name, 0), total):
            kept[name] = tokens
            total -= tokens
    return kept
