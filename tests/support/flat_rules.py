"""Rules simple enough to check by hand: attribution as the event says, one micro-dollar a token, `nova` unpriced."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from outlay_schemas.arrow import AMOUNT
from outlay_schemas.dimensions import ATTRIBUTION, UNALLOCATED
from outlay_schemas.units import FREQUENT

PER_TOKEN = Decimal("0.000001")
UNPRICED_MODEL = "nova"
BROKEN_MODEL = "breaks-the-meter"


@dataclass(frozen=True)
class FlatRecord:
    price_id: str
    body: str


class FlatAttributor:
    def resolve(self, usage: pa.Table, /) -> pa.Table:
        columns = {name: pc.fill_null(usage[name], UNALLOCATED) for name in ATTRIBUTION}
        return pa.table(columns | {"rule_id": pa.repeat("", usage.num_rows)})


class FlatBook:
    def price(self, usage: pa.Table, /) -> pa.Table:
        if BROKEN_MODEL in usage["model"].to_pylist():
            raise ZeroDivisionError("a fault in the price book")
        rows = usage.to_pylist()
        priced = [row["model"] != UNPRICED_MODEL for row in rows]
        tokens = [sum(row[unit] for unit in FREQUENT) for row in rows]
        return pa.table(
            {
                "provider": usage["provider"],
                "model": usage["model"],
                "service_tier": pc.fill_null(usage["service_tier"], "standard"),
                "region": pc.fill_null(usage["region"], ""),
                "category": pc.fill_null(usage["category"], "model_api"),
                "status": pa.array(["priced" if known else "unpriced" for known in priced]),
                "reason": pa.array(["" if known else "unknown_sku" for known in priced], pa.string()),
                "amount": pa.array(
                    [count * PER_TOKEN if known else None for count, known in zip(tokens, priced, strict=True)], AMOUNT
                ),
                "price_id": pa.array(["p_flat" if known else "" for known in priced], pa.string()),
            }
        )

    def record(self, price_id: str, /) -> FlatRecord:
        return FlatRecord(price_id, '{"per_token":"0.000001"}')


@dataclass(frozen=True)
class FlatRules:
    version: int = 1
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    attributor: FlatAttributor = field(default_factory=FlatAttributor)
    book: FlatBook = field(default_factory=FlatBook)


def flat_rules(org: str) -> FlatRules:
    return FlatRules()
