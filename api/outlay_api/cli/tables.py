"""Tables that keep what matters on any terminal: numbers whole, texts folded before anything is cut off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

FOLDED = 8
"""Characters a narrow terminal leaves of a longer text before it goes on in the next line."""
_ONE_LINE = 10
"""Longest heading of several words that is not broken."""
_GAP = 2

Cell = Text | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: its heading, which may have several lines, and whether its cells stay whole."""

    heading: str
    number: bool = False
    """To the right, never folded."""
    whole: bool = False
    """A text that is never folded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tabulated:
    """Rows under headings; `total` is a last row in bold."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    total: Sequence[Cell] = field(default=())

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render within the columns there are."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column, (least, _) in zip(self.columns, self._widths(), strict=True):
            table.add_column(
                column.heading,
                justify="right" if column.number else "left",
                no_wrap=column.number or column.whole,
                overflow="fold",
                min_width=least,
            )
        for row in self.rows:
            table.add_row(*row)
        if self.total:
            table.add_row(*self.total, style="bold")
        yield table

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Return the columns that fold as far as they may, and those that do not fold."""
        gaps = _GAP * (len(self.columns) - 1)
        least, most = (sum(widths) + gaps for widths in zip(*self._widths(), strict=True))
        return Measurement(least, most)

    def _widths(self) -> list[tuple[int, int]]:
        rows = [*self.rows, *([self.total] if self.total else [])]
        return [_width(column, [row[index] for row in rows]) for index, column in enumerate(self.columns)]


def in_lines(heading: str) -> str:
    """Break a long heading of several words near its middle."""
    spaces = [index for index, letter in enumerate(heading) if letter == " "]
    if len(heading) <= _ONE_LINE or not spaces:
        return heading
    middle = min(spaces, key=lambda index: abs(index - len(heading) / 2))
    return f"{heading[:middle]}\n{heading[middle + 1 :]}"


def _width(column: Column, cells: Sequence[Cell]) -> tuple[int, int]:
    """Return the least and the natural width."""
    heading = max(map(cell_len, column.heading.splitlines()), default=0)
    natural = max((cell_len(cell if isinstance(cell, str) else cell.plain) for cell in cells), default=0)
    natural = max(natural, heading)
    return natural if column.number or column.whole else min(natural, max(FOLDED, heading)), natural
