"""How much one call uses: distributions per kind of work, drawn by column.

Token counts are log-normal around a median, as calls of real services are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

Draws = np.random.Generator
Columns = Mapping[str, list[int] | list[str]]


class Shape(Protocol):
    """Draws the quantities of `count` calls: unit to one value a call. A value of 0 is left out of the event."""

    def draw(self, random: Draws, count: int) -> Columns:
        """Return a list of `count` values for each unit."""
        ...


def _tokens(random: Draws, count: int, median: float, spread: float) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    drawn = random.lognormal(np.log(median), spread, count)
    return np.clip(drawn, 1, 900_000).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text model: medians in tokens; `cached`, `written`, `kept` are shares of the input, `reasoning` of the output.

    A call finds its context in the cache (`hits`), or writes it there: `written` for five minutes, `kept` for an hour.
    """

    input: float
    output: float
    cached: float = 0.0
    hits: float = 0.75
    written: float = 0.0
    kept: float = 0.0
    reasoning: float = 0.0
    spread: float = 0.8

    def draw(self, random: Draws, count: int) -> Columns:
        """Return disjoint token counts."""
        whole = _tokens(random, count, self.input, self.spread)
        hit = random.random(count) < (self.hits if self.cached else 0.0)
        cached = np.where(hit, whole * random.uniform(0.6, 1.0, count) * self.cached, 0).astype(np.int64)
        written = np.where(hit, 0, whole * self.written).astype(np.int64)
        kept = np.where(hit, 0, whole * self.kept).astype(np.int64)
        output = _tokens(random, count, self.output, self.spread)
        reasoning = (output * random.uniform(0.5, 1.0, count) * self.reasoning).astype(np.int64)
        columns = {"input_tokens": whole - cached - written - kept, "output_tokens": output}
        if self.cached:
            columns["cached_input_tokens"] = cached
        if self.written:
            columns["cache_write_5m_tokens"] = written
        if self.kept:
            columns["cache_write_1h_tokens"] = kept
        if self.reasoning:
            columns["reasoning_tokens"] = reasoning
        return {unit: values.tolist() for unit, values in columns.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """An embedding model: input only."""

    input: float

    def draw(self, random: Draws, count: int) -> Columns:
        """Return input tokens."""
        return {"input_tokens": _tokens(random, count, self.input, 0.9).tolist()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A whole number of one unit, `low` to `high`, in steps (GPU seconds by metering interval, images by call)."""

    unit: str
    low: int
    high: int
    step: int = 1

    def draw(self, random: Draws, count: int) -> Columns:
        """Return counts of the unit."""
        drawn = random.integers(self.low // self.step, self.high // self.step, count, endpoint=True) * self.step
        return {self.unit: drawn.tolist()}


@dataclass(frozen=True, slots=True)
class Together:
    """What one call uses of several kinds, as tokens and searches."""

    first: Shape
    second: Shape

    def draw(self, random: Draws, count: int) -> Columns:
        """Return the quantities of both."""
        return {**self.first.draw(random, count), **self.second.draw(random, count)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A measured amount of one unit with milli precision, as a decimal string (audio seconds)."""

    unit: str
    median: float

    def draw(self, random: Draws, count: int) -> Columns:
        """Return amounts of the unit."""
        milli = _tokens(random, count, self.median * 1000, 0.9).tolist()
        return {self.unit: [f"{value // 1000}.{value % 1000:03d}" for value in milli]}
