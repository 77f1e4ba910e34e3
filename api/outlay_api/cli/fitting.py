"""Choices of the same content for terminals of different sizes, the best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement

_ANY_WIDTH = 10_000


@dataclass(frozen=True, slots=True)
class FittingHeight:
    """The first choice that is not too high for the terminal, else the last."""

    choices: Sequence[RenderableType]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the chosen one."""
        for choice in self.choices[:-1]:
            if len(console.render_lines(choice, options.update(height=None))) <= console.height:
                yield choice
                return
        yield self.choices[-1]


@dataclass(frozen=True, slots=True)
class FittingWidth:
    """The first choice that needs no more columns than there are, else the last, which folds its text."""

    choices: Sequence[RenderableType]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the chosen one."""
        for choice in self.choices[:-1]:
            if _measured(console, options, choice).maximum <= options.max_width:
                yield choice
                return
        yield self.choices[-1]

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Return the least width of the last choice and the greatest of the first."""
        least, most = (_measured(console, options, choice) for choice in (self.choices[-1], self.choices[0]))
        return Measurement(least.minimum, max(least.minimum, most.maximum))


def needed(console: Console, content: RenderableType) -> int:
    """Return the fewest columns in which nothing of the content is cut off."""
    return _measured(console, console.options, content).minimum


def _measured(console: Console, options: ConsoleOptions, content: RenderableType) -> Measurement:
    return Measurement.get(console, options.update(width=_ANY_WIDTH), content)
