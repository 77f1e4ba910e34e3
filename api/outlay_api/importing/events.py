"""A batch of a file, ready to send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from outlay_api.importing.reading import Malformed, Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Events as JSON, with the row and line each came from; `refused` rows became none."""

    lines: list[str]
    numbers: list[int]
    places: list[int] | None
    refused: list[Malformed]
    last: int
    done: float

    @classmethod
    def of(cls, rows: Rows, lines: Sequence[str], refused: list[Malformed]) -> Events:
        """Pair the JSON of every row with where it came from, leaving out refused rows; the first refusal counts."""
        dropped = {row.row: row for row in reversed(refused)}
        kept = [index for index, number in enumerate(rows.numbers) if number not in dropped]
        return cls(
            lines=[lines[index] for index in kept],
            numbers=[rows.numbers[index] for index in kept],
            places=None if rows.places is None else [rows.places[index] for index in kept],
            refused=[dropped[row] for row in sorted(dropped)],
            last=rows.last,
            done=rows.done,
        )
