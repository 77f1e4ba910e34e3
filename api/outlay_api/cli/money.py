"""Amounts as people read them: the decimals a whole table needs, never a false zero, unknown never a number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from rich.text import Text

UNKNOWN = "unpriced"


@dataclass(frozen=True, slots=True)
class MoneyFormat:
    """How the amounts of one table are rounded for reading; None of decimals shows every digit."""

    decimals: int | None

    @classmethod
    def fitting(cls, amounts: Iterable[str | None], *, exact: bool = False) -> MoneyFormat:
        """Return the format for a table with these amounts: cents in the hundreds, more decimals below."""
        if exact:
            return cls(None)
        largest = max((abs(Decimal(amount)) for amount in amounts if amount is not None), default=Decimal(0))
        return cls(2 if largest >= 100 or not largest else 4 if largest >= Decimal("0.1") else 8)

    def text(self, amount: str | None) -> str:
        """Write an amount of USD given as a decimal string."""
        if amount is None:
            return UNKNOWN
        value = Decimal(amount)
        if self.decimals is None:
            return f"{value:,f}"
        step = Decimal(1).scaleb(-self.decimals)
        rounded = value.quantize(step, ROUND_HALF_EVEN)
        return f"<{step:f}" if value > 0 and not rounded else f"{rounded:,f}"

    def cell(self, amount: str | None) -> Text:
        """Write an amount as a right-aligned cell; an unknown one stands out."""
        return Text(self.text(amount), style="bold yellow" if amount is None else "", justify="right")


def count(value: int | str | None) -> str:
    """Write a whole or decimal number with thousands separated; unknown is a dash."""
    return "-" if value is None else f"{Decimal(value):,f}"


def bar(share: Decimal | None, width: int = 16, *, style: str = "cyan") -> Text:
    """Draw a share of 1 as a bar with its percentage."""
    if share is None:
        return Text()
    eighths = int(min(max(share, Decimal(0)), Decimal(1)) * width * 8)
    full, rest = divmod(eighths, 8)
    drawn = "█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else "")
    return Text.assemble((f"{drawn:<{width}}", style), f" {share * 100:5.1f}%")
