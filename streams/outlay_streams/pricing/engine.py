"""The columnar engine: columns of quantities times gathered integer rates, exact or not at all.

A bound proves, before anything is multiplied, that no sum leaves 64 bits; rows it cannot prove take `bill`, which is
exact at any size. Rates with a denominator and fractional quantities are rounded half-even once, at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from outlay_schemas.units import CALLS
from outlay_streams.pricing.bill import AMOUNT_LIMIT, bill
from outlay_streams.pricing.columns import Int64s
from outlay_streams.pricing.quantities import FRACTION, Quantities, Sparse
from outlay_streams.pricing.rates import Rates

Bools = npt.NDArray[np.bool_]

_BOUND = 2**62
_MOST_CALLS = 10**6
_NEVER = np.iinfo(np.int64).max


@dataclass(slots=True)
class Charges:
    """What each row of a batch costs, in pico-USD."""

    pico: Int64s
    wide: dict[int, int]
    """Amounts beyond 64 bits, by row."""
    gaps: dict[int, list[str]]
    """Units in use that nothing prices, by row."""
    excess: list[int]
    """Rows whose amount no entry can hold."""
    nothing: Bools
    """Rows whose exact amount is zero, before rounding."""


def charge(quantities: Quantities, rates: Sequence[Rates | None], which: Int64s) -> Charges:
    """Price every row at `rates[which[row]]`; rows without rates come out as zero."""
    table = _Table(rates, quantities, which)
    whole = np.zeros(quantities.rows, dtype=np.int64)
    part = np.zeros(quantities.rows, dtype=np.int64)
    gaps: dict[int, list[str]] = {}
    unsure = np.array([each is not None and each.is_wide for each in rates], dtype=np.bool_)[which]
    if quantities.oversize is not None:
        unsure |= quantities.oversize
    shortfalls = list(_shortfalls(quantities, rates, which, unsure))
    bound = _Bound(sum(1 for _ in quantities.names()) + len(shortfalls) + 1)
    for name, column in (*quantities.dense.items(), (CALLS, quantities.calls)):
        numerators, priced = table.column(name)
        if priced is not None:
            _note(gaps, name, np.flatnonzero(~priced[which] & (column > 0)))
        if numerators is not None:
            bound.check(unsure, None, column, int(numerators.max()))
            whole += column * numerators[table.rows]
    for each in (*quantities.sparse, *shortfalls):
        numerators, priced = table.column(each.name)
        if priced is not None:
            wanting = ~priced[which[each.rows]] & ((each.whole > 0) | (each.billionths > 0))
            _note(gaps, each.name, each.rows[wanting])
        if numerators is not None:
            bound.check(unsure, each.rows, each.whole, int(numerators.max()))
            bound.check(unsure, each.rows, each.billionths, int(numerators.max()))
            mine = numerators[table.rows[each.rows]]
            np.add.at(whole, each.rows, each.whole * mine)
            np.add.at(part, each.rows, each.billionths * mine)
    charges = Charges(_rounded(whole, part, table.denominators(which)), {}, gaps, [], (whole == 0) & (part == 0))
    for row in np.flatnonzero(unsure).tolist():
        chosen = rates[which[row]]
        if chosen is not None:
            _charge_exactly(charges, chosen, quantities, row)
    return charges


def _shortfalls(
    quantities: Quantities, rates: Sequence[Rates | None], which: Int64s, unsure: Bools
) -> Iterator[Sparse]:
    """Yield what billed minimums add; rows too large to tell in 64 bits become unsure."""
    terms = {index: each.terms for index, each in enumerate(rates) if each is not None and each.terms.minimums}
    for minimum in {minimum for each in terms.values() for minimum in each.minimums}:
        bound = [index for index, each in terms.items() if minimum in each.minimums]
        rows = np.flatnonzero(np.isin(which, bound))
        whole, billionths = quantities.covered_by(minimum.unit, rows)
        calls = np.maximum(quantities.calls[rows], 1)
        unsure[rows[calls > _MOST_CALLS]] = True
        least = minimum.least * np.minimum(calls, _MOST_CALLS)
        short = (whole < least) & ((whole > 0) | (billionths > 0))
        missing = (least[short] - whole[short]) * FRACTION - billionths[short]
        parts, rest = np.divmod(missing, FRACTION)
        yield Sparse(minimum.unit, rows[short], parts, rest)


class _Table:
    """The rates of a batch: a block of rows for each distinct terms, one row a context tier."""

    def __init__(self, rates: Sequence[Rates | None], quantities: Quantities, which: Int64s) -> None:
        self._rates = rates
        sizes = [1 if each is None else len(each.starts) + 1 for each in rates]
        first = np.cumsum([0, *sizes[:-1]])
        self.rows: Int64s = first[which]
        most = max(sizes, default=1) - 1
        if most:
            starts = np.full((len(rates), most), _NEVER, dtype=np.int64)
            for index, each in enumerate(rates):
                if each is not None:
                    starts[index, : len(each.starts)] = each.starts
            tokens = quantities.input_tokens()
            for tier in range(most):
                self.rows = self.rows + (tokens > starts[which, tier])

    def column(self, name: str) -> tuple[Int64s | None, Bools | None]:
        """Return the numerators by row (None if all are zero) and which terms price the unit (None if all do)."""
        numerators: list[int] = []
        priced = []
        for each in self._rates:
            mine = each.numerators(name) if each is not None else (0,)
            priced.append(mine is not None)
            size = 1 if each is None else len(each.starts) + 1
            numerators.extend((0,) * size if mine is None or (each is not None and each.is_wide) else mine)
        return (
            np.array(numerators, dtype=np.int64) if any(numerators) else None,
            None if all(priced) else np.array(priced, dtype=np.bool_),
        )

    def denominators(self, which: Int64s) -> Int64s | None:
        """Return each row's denominator; None when all are 1."""
        denominators = [1 if each is None or each.is_wide else each.denominator for each in self._rates]
        return np.array(denominators, dtype=np.int64)[which] if any(each != 1 for each in denominators) else None


class _Bound:
    """Proves that sums of products stay below 2**62, by giving each product its share."""

    def __init__(self, products: int) -> None:
        self._share = _BOUND // products

    def check(self, unsure: Bools, rows: Int64s | None, column: Int64s, rate: int) -> None:
        """Mark rows whose product with the largest `rate` could pass its share."""
        largest = self._share // max(rate, 1)
        if column.size and int(column.max()) > largest:
            over = np.flatnonzero(column > largest)
            unsure[over if rows is None else rows[over]] = True


def _rounded(whole: Int64s, part: Int64s, denominators: Int64s | None) -> Int64s:
    """Return `(whole + part / 10**9) / denominators`, rounded half-even where it is not whole."""
    uneven = np.flatnonzero(part) if denominators is None else np.flatnonzero((part != 0) | (denominators != 1))
    if not uneven.size:
        return whole
    divisor = np.ones(len(uneven), dtype=np.int64) if denominators is None else denominators[uneven]
    carry, rest = np.divmod(part[uneven], FRACTION)
    quotient, remainder = np.divmod(whole[uneven] + carry, divisor)
    twice = 2 * (remainder * FRACTION + rest)
    unit = divisor * FRACTION
    quotient += (twice > unit) | ((twice == unit) & (quotient % 2 == 1))
    rounded = whole.copy()
    rounded[uneven] = quotient
    return rounded


def _charge_exactly(charges: Charges, rates: Rates, quantities: Quantities, row: int) -> None:
    exact = bill(rates.terms, quantities.of_row(row), int(quantities.calls[row]))
    charges.gaps.pop(row, None)
    charges.wide.pop(row, None)
    charges.nothing[row] = exact.exact == 0
    charges.pico[row] = 0
    if exact.missing:
        charges.gaps[row] = list(exact.missing)
    elif exact.pico > AMOUNT_LIMIT:
        charges.excess.append(row)
    elif exact.pico > _NEVER:
        charges.wide[row] = exact.pico
    else:
        charges.pico[row] = exact.pico


def _note(gaps: dict[int, list[str]], name: str, rows: Int64s) -> None:
    for row in rows.tolist():
        gaps.setdefault(row, []).append(name)
