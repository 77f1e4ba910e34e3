"""The exact amount of one event under given terms, in rationals: the reference every faster path must equal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from outlay_schemas.money import PICO
from outlay_schemas.units import CALLS, unit
from outlay_streams.pricing.terms import Line, Terms, pico_per_unit

Quantities = Mapping[str, int | Decimal]

AMOUNT_LIMIT = 10**12 * PICO
"""Largest amount of an entry, in pico-USD."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BillLine:
    """One quantity and what it costs."""

    unit: str
    quantity: Fraction
    line: Line | None
    """The line that priced it; None when the list charges nothing for the model."""
    usd: Decimal
    over: int | None
    """The start of the context tier used, in input tokens; None for the base rate."""
    pico: Fraction
    minimum: bool = False
    """Whether this is what a minimum added, not what was used."""


@dataclass(frozen=True, slots=True)
class Bill:
    """An event priced: its lines, and the units nothing prices. With a missing unit there is no amount."""

    lines: tuple[BillLine, ...]
    missing: tuple[str, ...]

    @property
    def exact(self) -> Fraction:
        """The exact amount in pico-USD."""
        return sum((line.pico for line in self.lines), start=Fraction(0))

    @property
    def pico(self) -> int:
        """The amount in whole pico-USD: the exact one, rounded half-even once if it is not whole."""
        return round(self.exact)


def bill(terms: Terms, quantities: Quantities, calls: int) -> Bill:
    """Price `quantities` (disjoint, without calls) of an event that stands for `calls` calls.

    Context tiers and minimums belong to a call. Where an event stands for several, the mean call decides.
    """
    used = {name: Fraction(quantity) for name, quantity in sorted(quantities.items()) if quantity > 0 and name != CALLS}
    tokens = sum((used[name] for name in used if unit(name).is_input), start=Fraction(0)) / max(calls, 1)
    lines = [_line(terms, name, quantity, tokens) for name, quantity in used.items() if terms.prices(name)]
    lines += _shortfalls(terms, used, max(calls, 1), tokens)
    if calls and terms.line_for(CALLS):
        lines.append(_line(terms, CALLS, Fraction(calls), tokens))
    return Bill(tuple(lines), tuple(name for name in used if not terms.prices(name)))


def _line(terms: Terms, name: str, quantity: Fraction, tokens: Fraction, *, minimum: bool = False) -> BillLine:
    line = terms.line_for(name)
    usd, over = line.usd_at(tokens) if line else (Decimal(0), None)
    pico = quantity * pico_per_unit(usd, line.per) if line else Fraction(0)
    return BillLine(unit=name, quantity=quantity, line=line, usd=usd, over=over, pico=pico, minimum=minimum)


def _shortfalls(terms: Terms, used: Mapping[str, Fraction], calls: int, tokens: Fraction) -> Iterator[BillLine]:
    for minimum in terms.minimums:
        covered = sum((used[name] for name in used if unit(minimum.unit).covers(unit(name))), start=Fraction(0))
        if 0 < covered < minimum.least * calls:
            yield _line(terms, minimum.unit, minimum.least * calls - covered, tokens, minimum=True)
