"""A price as it was used: what an entry's `price_id` names, kept for ever."""

from __future__ import annotations

from dataclasses import dataclass

STATED = "stated"
"""The `price_id` of an entry whose amount was billed, not computed."""

WITHOUT_RECORD = frozenset(("", STATED))
"""Price ids that name no record: nothing priced the entry, or its amount was stated."""


@dataclass(frozen=True, slots=True)
class PriceRecord:
    """Terms under the digest that names them; equal terms have equal ids."""

    price_id: str
    body: str
    """The terms as canonical JSON: sku, rates, tiers, variant, discount, source, dates."""
