"""Amounts as people read them: the decimals a whole table needs, never a false zero, unknown never a number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from rich.text import Text

UNKNOWN = "unpriced"


@dataclass(frozen=True, slots=True)
class MoneyFormat:
    """How the amounts of one table are written; None of decimals shows every digit."""

    decimals: int | None
    places: int = 0
    """Decimals of the longest exact amount: shorter ones are filled up with blanks, to keep the points in line."""

    @classmethod
    def fitting(cls, amounts: Iterable[str | None], *, exact: bool = False) -> MoneyFormat:
        """Return the format for a table with these amounts: cents where the largest is 10 or more, else finer."""
        known = [Decimal(amount) for amount in amounts if amount is not None]
        if exact:
            return cls(None, max(map(_places, known), default=0))
        largest = max(map(abs, known), default=Decimal(0))
        return cls(2 if largest >= 10 or not largest else 4 if largest >= Decimal("0.1") else 8)

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
        written = self.text(amount)
        if amount is None:
            return Text(written, style="bold yellow", justify="right")
        return Text(written + self._blanks(Decimal(amount)), justify="right")

    def _blanks(self, amount: Decimal) -> str:
        places = _places(amount)
        if self.decimals is not None or places >= self.places:
            return ""
        return " " * (self.places - places + (not places))


def _places(amount: Decimal) -> int:
    return len(f"{amount:f}".partition(".")[2])


def count(value: int | str | None) -> str:
    """Write a whole or decimal number with thousands separated; unknown is a dash."""
    return "-" if value is None else f"{Decimal(value):,f}"


def bar(share: Decimal | None, width: int = 16, *, style: str = "cyan") -> Text:
    """Draw a share of 1 as a bar with its percentage; without a width only that."""
    if share is None:
        return Text()
    if not width:
        return Text(f"{share * 100:5.1f}%", justify="right")
    eighths = int(min(max(share, Decimal(0)), Decimal(1)) * width * 8)
    full, rest = divmod(eighths, 8)
    drawn = "█" * full + (" ▏▎▍▌▋▊▉"[rest] if rest else "")
    return Text.assemble((f"{drawn:<{width}}", style), f" {share * 100:5.1f}%")
