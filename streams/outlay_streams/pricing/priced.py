"""The columns pricing adds to a batch: names, category, status, reason, amount and price id of every row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from outlay_schemas.arrow import AMOUNT
from outlay_schemas.money import to_pico
from outlay_schemas.prices import STATED
from outlay_streams.pricing.category import MODEL_API, category_of_unit, precedence
from outlay_streams.pricing.columns import Int64s, codes, decimals, gather, whole, words
from outlay_streams.pricing.engine import Bools, Charges
from outlay_streams.pricing.quantities import Quantities
from outlay_streams.pricing.rates import Rates
from outlay_streams.pricing.resolve import Resolved

PRICED = pa.schema(
    [
        *(
            pa.field(name, pa.string(), nullable=False)
            for name in ("provider", "model", "service_tier", "region", "category", "status", "reason")
        ),
        pa.field("amount", AMOUNT),
        pa.field("price_id", pa.string(), nullable=False),
    ]
)
"""What pricing adds to a batch, row by row: `amount` is null exactly where `status` is `unpriced`."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One distinct sku and moment of a batch, resolved; `rates` is None where there is no price."""

    resolved: Resolved
    rates: Rates | None


def priced(
    usage: pa.Table, quantities: Quantities, choices: Sequence[Choice], which: Int64s, charges: Charges
) -> pa.Table:
    """Return the `PRICED` columns of `usage`, whose rows cost `charges` at `choices[which[row]]`."""
    stated = _stated(usage["kind"])
    amounts, wide = charges.pico, dict(charges.wide)
    reasons, texts = _reasons(choices, which, charges)
    if stated.any():
        reasons[stated] = 0
        amounts = _state(amounts, wide, usage["amount"], stated)
    unpriced = reasons != 0
    free = _free(charges, quantities, choices, which) & ~unpriced & ~stated
    identity = np.where(unpriced, 0, np.where(stated, 1, which + 2))
    names = [choice.resolved for choice in choices]
    columns = [
        gather([each.provider for each in names], which),
        gather([each.model for each in names], which),
        gather([each.service_tier for each in names], which),
        gather([each.region for each in names], which),
        _categories(usage["category"], quantities, names, which),
        gather(["priced", "unpriced", "free"], unpriced + 2 * free),
        gather(texts, reasons),
        decimals(amounts, wide, unpriced, AMOUNT),
        gather(["", STATED, *(each.rates.record.price_id if each.rates else "" for each in choices)], identity),
    ]
    return pa.table(columns, schema=PRICED)


def _reasons(choices: Sequence[Choice], which: Int64s, charges: Charges) -> tuple[Int64s, list[str]]:
    """Return each row's index into the distinct reasons, and those; the first is no reason."""
    known = {"": 0}
    by_choice = [known.setdefault(each.resolved.reason, len(known)) for each in choices]
    reasons = np.array(by_choice, dtype=np.int64)[which]
    for row, units in charges.gaps.items():
        if choices[which[row]].rates is not None:
            reasons[row] = known.setdefault(f"no_price_for_unit: {', '.join(sorted(units))}", len(known))
    if charges.excess:
        reasons[charges.excess] = known.setdefault("amount_out_of_range: above 10^12 USD", len(known))
    return reasons, list(known)


def _stated(kind: pa.ChunkedArray) -> Bools:
    """Return which rows are billed lines rather than usage to price."""
    return np.asarray(pc.not_equal(whole(kind), "usage"))


def _state(amounts: Int64s, wide: dict[int, int], column: pa.ChunkedArray, stated: Bools) -> Int64s:
    """Return `amounts` with what the stated rows say, leaving those beyond 64 bits in `wide`."""
    said = whole(column)
    values, fits = words(said)
    for row in np.flatnonzero(stated & ~fits).tolist():
        wide[row] = to_pico(said[row].as_py())
    for row in [row for row in wide if stated[row] and fits[row]]:
        del wide[row]
    return np.where(stated, values, amounts)


def _free(charges: Charges, quantities: Quantities, choices: Sequence[Choice], which: Int64s) -> Bools:
    """Return which rows cost nothing because their price is zero, not because they used nothing."""
    if not charges.nothing.any():
        return charges.nothing
    wholly = [each.rates is not None and each.rates.is_free for each in choices]
    return charges.nothing & (np.array(wholly, dtype=np.bool_)[which] | quantities.used())


def _categories(column: pa.ChunkedArray, quantities: Quantities, names: Sequence[Resolved], which: Int64s) -> pa.Array:
    """Return each row's category: what the event says, else its price, else its units."""
    known: dict[str, int] = {MODEL_API: 0}
    by_choice = [known.setdefault(each.category or MODEL_API, len(known)) for each in names]
    categories = np.array(by_choice, dtype=np.int64)[which]
    if any(each.category is None for each in names):
        untold = np.array([each.category is None for each in names], dtype=np.bool_)
        told = [(category_of_unit(each.name), each) for each in quantities.sparse]
        for category, each in sorted(told, key=lambda pair: precedence(pair[0]), reverse=True):
            if category != MODEL_API:
                categories[each.rows[untold[which[each.rows]]]] = known.setdefault(category, len(known))
    said, values = codes(column)
    if any(value is not None for value in values):
        by_value = np.array([-1 if each is None else known.setdefault(each, len(known)) for each in values])
        categories = np.where(by_value[said] < 0, categories, by_value[said])
    return gather(list(known), categories)
