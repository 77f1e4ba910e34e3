"""Money as integers: one pico-USD is 10^-12 USD, the scale of every amount in the ledger.

Amounts are `int` pico-USD in the core, `Decimal(38,12)` in the store and decimal strings in JSON; no float touches
money.
"""

from __future__ import annotations

from decimal import Context, Decimal

SCALE = 12
PRECISION = 38
PICO = 10**SCALE
MAX_AMOUNT = 10 ** (PRECISION - SCALE) * PICO - 1
"""Largest amount the ledger holds, in pico-USD."""

_EXACT = Context(prec=200, Emax=999_999, Emin=-999_999)


def from_pico(pico: int) -> Decimal:
    """Return the exact USD value of `pico`, always with 12 decimals."""
    return Decimal(pico).scaleb(-SCALE, context=_EXACT)


def to_pico(usd: Decimal) -> int:
    """Return `usd` in pico-USD; raise `ValueError` when it is not a whole number of them."""
    scaled = usd.scaleb(SCALE, context=_EXACT)
    whole = int(scaled)
    if whole != scaled:
        raise ValueError(f"{usd} USD has more than {SCALE} decimals; round it before it enters the ledger")
    return whole


def plain(usd: Decimal) -> str:
    """Write `usd` as a decimal string without exponent or trailing zeros: what JSON, CSV and tables show."""
    text = format(usd, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


__all__ = ["MAX_AMOUNT", "PICO", "PRECISION", "SCALE", "from_pico", "plain", "to_pico"]
