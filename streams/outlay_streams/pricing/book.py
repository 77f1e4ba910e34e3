"""The price book: what every event of an organisation costs, public list and contract together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from outlay_schemas.catalog import Price
from outlay_schemas.prices import PriceRecord
from outlay_streams.pricing.columns import Int64s, codes, joint, milliseconds, slots
from outlay_streams.pricing.contract import Contract
from outlay_streams.pricing.engine import charge
from outlay_streams.pricing.listed import DAY_MS, PriceList
from outlay_streams.pricing.names import find_provider
from outlay_streams.pricing.priced import Choice, priced
from outlay_streams.pricing.quantities import Quantities
from outlay_streams.pricing.rates import Rates
from outlay_streams.pricing.resolve import Reported, Resolved, resolve
from outlay_streams.pricing.terms import Terms

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SKU = ("provider", "model", "service_tier", "region", "operation")
_MOST_REMEMBERED = 200_000


class PriceBook:
    """Prices batches, remembering every sku it has met: its memory grows, its answers never change."""

    def __init__(self, prices: PriceList, contracts: Sequence[Contract]) -> None:
        self.prices = prices
        self.contracts = tuple(contracts)
        edges = {_ceil_ms(edge) for each in contracts for edge in _edges(each.price)}
        self._breaks = np.array(sorted({*prices.breaks, *edges}), dtype=np.int64)
        self._hours = np.array(prices.hours, dtype=np.int64)
        self._choices: dict[tuple[str | int | None, ...], Choice] = {}
        self._rates: dict[str, Rates] = {}

    @classmethod
    def compile(cls, contract: Sequence[Price] = (), *, prices: PriceList | None = None) -> PriceBook:
        """Return the book of a catalog's contract prices, in order, over `prices`: by default the bundled list."""
        listed = prices or PriceList.bundled()
        return cls(listed, [Contract(price, _names(listed, price.sku.provider)) for price in contract])

    def record(self, price_id: str) -> PriceRecord:
        """Return the record of a price this book has used; raise `KeyError` for any other id."""
        if price_id not in self._rates:
            raise KeyError(f"{price_id!r} is no price this book has used; look it up among the ledger's prices")
        return self._rates[price_id].record

    def resolve(self, sku: Reported, instant: datetime) -> Resolved:
        """Return the canonical names and the terms of one sku at `instant` (aware)."""
        return resolve(self.prices, self.contracts, sku, instant)

    def price(self, usage: pa.Table) -> pa.Table:
        """Return the `PRICED` columns of a `USAGE` table. Its text may be plain or dictionary-encoded."""
        which, choices = self._choose(usage)
        quantities = Quantities.of(usage)
        return priced(usage, quantities, choices, which, charge(quantities, [each.rates for each in choices], which))

    def _choose(self, usage: pa.Table) -> tuple[Int64s, list[Choice]]:
        """Return each row's index into the distinct choices of the batch, and those."""
        times = milliseconds(usage["time"])
        dates, hours = slots(times, self._breaks), slots(times, self._hours, every=DAY_MS)
        text = [codes(usage[name]) for name in _SKU]
        columns = [(dates, len(self._breaks) + 1), (hours, len(self._hours) + 1)]
        columns += [(column, len(values)) for column, values in text]
        which, first = joint(columns, len(times))
        choices = []
        for row in first.tolist():
            sku = [values[column[row]] for column, values in text]
            choices.append(self._choice((*sku, int(dates[row]), int(hours[row])), int(times[row])))
        return which, choices

    def _choice(self, key: tuple[str | int | None, ...], time_ms: int) -> Choice:
        choice = self._choices.get(key)
        if choice is None:
            resolved = self.resolve(Reported(*key[:-2]), _EPOCH + timedelta(milliseconds=time_ms))  # type: ignore[arg-type]
            choice = Choice(resolved, self._rates_of(resolved.terms) if resolved.terms else None)
            if len(self._choices) >= _MOST_REMEMBERED:
                self._choices.clear()
            self._choices[key] = choice
        return choice

    def _rates_of(self, terms: Terms) -> Rates:
        record = terms.record()
        return self._rates.setdefault(record.price_id, Rates(record, terms))


def _names(prices: PriceList, provider: str) -> frozenset[str]:
    """Return the names a contract's provider goes by, so that `bedrock` and `aws` are the same."""
    found = find_provider(prices.providers, provider, "")
    return frozenset({provider.strip().lower(), *({found.id} if found else ())})


def _edges(price: Price) -> Iterator[datetime]:
    yield from (edge for edge in (price.effective_from, price.effective_to) if edge is not None)


def _ceil_ms(instant: datetime) -> int:
    """Return the first whole ms at or after `instant`: event times are whole ms."""
    return -(-(instant - _EPOCH) // timedelta(milliseconds=1))
