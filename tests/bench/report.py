"""Figures, and the table and document they are shown in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to measure, and where there is room for it. A section gets the same plan whatever else runs."""

    events: int
    """Events in the store that sizes and queries are measured on."""
    seconds: float
    """How long intake is sustained."""
    folder: Path
    """An empty folder of the section's own."""
    store: Path
    """The data directory holding `events` events; filled by `storage`, read by `queries` and `start`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured value. `goal` is what it should be `at_least`, or at most when that is False."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times as good as the goal; below 1 the goal is missed."""
        if self.goal is None or not self.value:
            return None
        return self.value / self.goal if self.at_least else self.goal / self.value


Sections = Mapping[str, Sequence[Figure]]


def table(sections: Sections) -> Table:
    """Return the figures as a table for people."""
    grid = Table("section", "figure", "value", "unit", "goal", "x goal", "note", title="Outlay", title_justify="left")
    for index in (2, 4, 5):
        grid.columns[index].justify = "right"
    for name, figures in sections.items():
        for number, figure in enumerate(figures):
            section = "" if number else name
            grid.add_row(
                section, figure.name, _number(figure.value), figure.unit, _goal(figure), _ratio(figure), figure.note
            )
        grid.add_section()
    return grid


def _number(value: float) -> str:
    if value and abs(value) < 100:
        return f"{value:,.3g}"
    return f"{value:,.0f}"


def markdown(sections: Sections) -> str:
    """Return the figures as the table that `README.md` keeps."""
    lines = ["| section | figure | value | goal | x goal | note |", "| --- | --- | ---: | ---: | ---: | --- |"]
    for name, figures in sections.items():
        for figure in figures:
            value = f"{_number(figure.value)} {figure.unit}"
            lines.append(f"| {name} | {figure.name} | {value} | {_goal(figure)} | {_ratio(figure)} | {figure.note} |")
    return "\n".join(lines) + "\n"


def _goal(figure: Figure) -> str:
    return "" if figure.goal is None else f"{'>=' if figure.at_least else '<='} {_number(figure.goal)}"


def _ratio(figure: Figure) -> str:
    return "" if figure.ratio is None else f"{figure.ratio:.2f}"


def document(machine: Mapping[str, Any], sections: Sections) -> dict[str, Any]:
    """Return everything as plain values for `.bench/<date>.json`."""
    figures = {name: [asdict(figure) | {"ratio": figure.ratio} for figure in found] for name, found in sections.items()}
    return {"machine": dict(machine), "sections": figures}


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` (0 to 1) of the values do not exceed: the nearest rank, so one that happened."""
    ordered = sorted(values)
    return ordered[max(1, math.ceil(round(share * len(ordered), 6))) - 1]
