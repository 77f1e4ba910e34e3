"""Terms as integers: what columns of quantities are multiplied by.

The rates of one terms share a denominator (1 nearly always, 3,600 where a price is by the hour): a rate is
`numerator / denominator` pico-USD per unit. There is one row of rates for each context tier, the first for the base.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from outlay_schemas.prices import PriceRecord
from outlay_streams.pricing.terms import Terms, pico_per_unit

MAX_RATE = 2**60
MAX_DENOMINATOR = 2**31


@dataclass(slots=True)
class Rates:
    """The integer rates of one terms; those of further units are worked out when first asked for."""

    record: PriceRecord
    terms: Terms
    starts: tuple[int, ...] = field(init=False)
    denominator: int = field(init=False)
    is_free: bool = field(init=False)
    is_wide: bool = field(init=False)
    """Whether some rate does not fit the fast path, so that every event takes the exact one."""
    _numerators: dict[str, tuple[int, ...] | None] = field(init=False, default_factory=dict)
    _lines: Mapping[str, tuple[int, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self.starts = self.terms.tier_starts
        self.is_free = self.terms.is_free
        exact = {line.unit: [self._rate(line.unit, tokens) for tokens in self._sizes()] for line in self.terms.lines}
        self.denominator = math.lcm(*(rate.denominator for rates in exact.values() for rate in rates))
        self._lines = {name: tuple(int(rate * self.denominator) for rate in rates) for name, rates in exact.items()}
        biggest = max((rate for rates in self._lines.values() for rate in rates), default=0)
        self.is_wide = biggest > MAX_RATE or self.denominator > MAX_DENOMINATOR

    def numerators(self, name: str) -> tuple[int, ...] | None:
        """Return the numerators of unit `name`, by tier row; None when nothing prices it."""
        if name not in self._numerators:
            line = self.terms.line_for(name)
            free = (0,) * (len(self.starts) + 1) if self.terms.prices(name) else None
            self._numerators[name] = self._lines[line.unit] if line else free
        return self._numerators[name]

    def _sizes(self) -> tuple[int, ...]:
        return (0, *(start + 1 for start in self.starts))

    def _rate(self, name: str, tokens: int) -> Fraction:
        line = next(line for line in self.terms.lines if line.unit == name)
        return pico_per_unit(line.usd_at(Fraction(tokens))[0], line.per)
