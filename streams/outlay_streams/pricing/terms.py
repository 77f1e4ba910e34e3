"""Terms: everything that decides what one sku costs at one moment, exact and free of context.

Terms are what a `price_id` names. Their JSON body carries the rates with tiers, discounts and minimums, so an amount
can be recomputed from the body alone, for ever. A rate is USD per `per` units, a decimal; per single unit it may be no
whole number of pico-USD (0.111 USD per 3,600 seconds), so sums are rationals, rounded half-even once, at the end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

from outlay_schemas.money import PICO, plain
from outlay_schemas.prices import PriceRecord
from outlay_schemas.units import CALLS, unit

EXACT = Context(prec=200, Emax=999_999, Emin=-999_999)


@dataclass(frozen=True, slots=True)
class Tier:
    """The rate of a line once the call's input is more than `over` tokens; it holds for every token of the call."""

    over: int
    usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The price of one unit, and of the units it covers that have no closer line."""

    unit: str
    usd: Decimal
    """USD per `per` units, before discount."""
    per: int
    tiers: tuple[Tier, ...] = ()
    discount: Decimal | None = None
    """Percent off."""
    contract: str | None = None
    """Id of the catalog price that set or discounted this line; None for the list price as it is."""
    variant: bool = False
    """Whether the line comes from the list's variant for this service tier, route or speed."""

    def usd_at(self, tokens: Decimal | Fraction) -> tuple[Decimal, int | None]:
        """Return the discounted USD per `per` units, and the start of the tier used, for so many input tokens."""
        usd, over = self.usd, None
        for tier in self.tiers:
            if tokens > tier.over:
                usd, over = tier.usd, tier.over
        return self.discounted(usd), over

    def discounted(self, usd: Decimal) -> Decimal:
        """Return `usd` less the discount, exact."""
        if self.discount is None:
            return usd
        return EXACT.divide(EXACT.multiply(usd, Decimal(100) - self.discount), Decimal(100))

    @property
    def is_zero(self) -> bool:
        """Whether the unit costs nothing, at any input."""
        return all(self.discounted(usd) == 0 for usd in (self.usd, *(tier.usd for tier in self.tiers)))


@dataclass(frozen=True, slots=True)
class Minimum:
    """What a call is billed for at least, once it uses any: `least` units of `unit`, those it covers counted in."""

    unit: str
    least: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The price of one sku at one moment."""

    provider: str
    model: str
    service_tier: str
    """The tier these rates are for: `standard` also when the list has none for the tier of the event."""
    region: str
    lines: tuple[Line, ...]
    minimums: tuple[Minimum, ...] = ()
    no_charge: bool = False
    """Whether the list names the model without any rate: every unit it has no line for is free of charge."""
    source: Mapping[str, Any] = field(default_factory=dict)
    """Where it comes from: list name and version, dates, hours, the variant's conditions, contract ids with dates."""

    def line_for(self, name: str) -> Line | None:
        """Return the line for unit `name`: its own, or the closest that covers it; None when none is, or several."""
        wanted = unit(name)
        covering = [line for line in self.lines if unit(line.unit).covers(wanted)]
        closest = [
            line
            for line in covering
            if not any(other is not line and unit(line.unit).covers(unit(other.unit)) for other in covering)
        ]
        return closest[0] if len(closest) == 1 else None

    def prices(self, name: str) -> bool:
        """Return whether unit `name` has a price here. Calls without a price of their own are never missing one."""
        return name == CALLS or self.no_charge or self.line_for(name) is not None

    @property
    def is_free(self) -> bool:
        """Whether nothing costs anything."""
        return all(line.is_zero for line in self.lines) and (bool(self.lines) or self.no_charge)

    @property
    def tier_starts(self) -> tuple[int, ...]:
        """Every input size at which some rate changes, ascending."""
        return tuple(sorted({tier.over for line in self.lines for tier in line.tiers}))

    def body(self) -> str:
        """Return the terms as canonical JSON; `from_body` reads them back."""
        return json.dumps(
            {
                "provider": self.provider,
                "model": self.model,
                "service_tier": self.service_tier,
                "region": self.region,
                "currency": "USD",
                "rates": [_line_body(line) for line in self.lines],
                "minimums": {minimum.unit: minimum.least for minimum in self.minimums},
                "no_charge": self.no_charge,
                "source": self.source,
            },
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
        )

    def record(self) -> PriceRecord:
        """Return the terms under the id that names them; equal terms have equal ids."""
        body = self.body()
        return PriceRecord(f"p_{hashlib.sha256(body.encode()).hexdigest()[:20]}", body)

    @classmethod
    def from_body(cls, body: str) -> Terms:
        """Read what `body` wrote."""
        parts = json.loads(body)
        return cls(
            provider=parts["provider"],
            model=parts["model"],
            service_tier=parts["service_tier"],
            region=parts["region"],
            lines=tuple(_line_from(line) for line in parts["rates"]),
            minimums=tuple(Minimum(name, least) for name, least in parts["minimums"].items()),
            no_charge=parts["no_charge"],
            source=parts["source"],
        )


def pico_per_unit(usd: Decimal, per: int) -> Fraction:
    """Return the exact rate in pico-USD per single unit."""
    return Fraction(usd) * Fraction(PICO, per)


def _line_body(line: Line) -> dict[str, Any]:
    body: dict[str, Any] = {"unit": line.unit, "usd": plain(line.usd), "per": line.per}
    if line.tiers:
        body["tiers"] = [{"over": tier.over, "usd": plain(tier.usd)} for tier in line.tiers]
    if line.discount is not None:
        body["discount"] = plain(line.discount)
    if line.contract is not None:
        body["contract"] = line.contract
    if line.variant:
        body["variant"] = True
    return body


def _line_from(body: Mapping[str, Any]) -> Line:
    return Line(
        unit=body["unit"],
        usd=Decimal(body["usd"]),
        per=body["per"],
        tiers=tuple(Tier(tier["over"], Decimal(tier["usd"])) for tier in body.get("tiers", ())),
        discount=Decimal(body["discount"]) if "discount" in body else None,
        contract=body.get("contract"),
        variant=body.get("variant", False),
    )
