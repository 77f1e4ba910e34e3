"""Columns to events as JSON text, a column at a time.

Numbers keep every digit they have in the file: whole ones are JSON numbers, others decimal strings, so that no reader
takes them for floats.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from outlay_api.importing.errors import MappingError
from outlay_api.importing.events import Events
from outlay_api.importing.mapping import ID, Field, FieldMap, Kind
from outlay_api.importing.reading import Malformed, Rows
from outlay_api.importing.times import Times

_WHOLE = r"^-?(0|[1-9][0-9]{0,17})$"
_TRUTH = r"^(true|false)$"
_ESCAPED = r'["\\\x00-\x1f]'


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameEncoder:
    """Makes events of columns, as `fields` says; its columns must be there."""

    fields: FieldMap
    times: Times

    def encode(self, rows: Rows, ids: list[str]) -> Events:
        """Encode the rows; `ids` are for those that bring none. Raises `MappingError` for a time without a zone."""
        frame, refused = rows.frame, list(rows.malformed)
        pieces: dict[Field, pl.Series] = {}
        for field, column in self.fields.columns.items():
            cells = frame.get_column(column)
            if field.kind is Kind.TIME:
                cells, nowhere = self._times(cells, column)
                refused += self._never(rows, frame.get_column(column), nowhere)
            pieces[field] = _json(cells, field.kind)
        own = pl.Series(ids, dtype=pl.String)
        pieces[ID] = pieces[ID].fill_null('"' + own + '"') if ID in pieces else '"' + own + '"'
        lines = pl.select(self._object(pieces)).to_series().to_list()
        return Events.of(rows, lines, refused)

    def _times(self, cells: pl.Series, column: str) -> tuple[pl.Series, pl.Series]:
        if naive := self.times.naive(cells):
            raise MappingError(
                f"{column} holds times without an offset ({naive}); say which zone they are in: --zone UTC"
            )
        return self.times.read(cells)

    def _never(self, rows: Rows, cells: pl.Series, nowhere: pl.Series) -> list[Malformed]:
        return [
            Malformed(
                rows.numbers[index],
                rows.places[index] if rows.places else None,
                self.times.leapt(cells[index]),
                json.dumps(rows.frame.row(index, named=True), default=str, ensure_ascii=False),
            )
            for index in nowhere.arg_true().to_list()
        ]

    def _object(self, pieces: Mapping[Field, pl.Series]) -> pl.Expr:
        constants = self.fields.constants
        parts: list[pl.Expr] = [
            pl.lit(f'{{"id":{constants[ID]}') if ID in constants else pl.lit('{"id":') + pl.lit(pieces[ID])
        ]
        parts += [pl.lit(f",{json.dumps(f.name)}:{text}") for f, text in constants.items() if not f.group and f != ID]
        parts += [_member(f, cells) for f, cells in pieces.items() if not f.group and f != ID]
        for group in ("quantities", "tags"):
            fixed = [pl.lit(f",{json.dumps(f.name)}:{text}") for f, text in constants.items() if f.group == group]
            varying = [_member(f, cells) for f, cells in pieces.items() if f.group == group]
            if fixed or varying:
                members = pl.concat_str([*fixed, *varying], ignore_nulls=True).str.strip_prefix(",")
                parts += [pl.lit(f',"{group}":{{'), members, pl.lit("}")]
        return pl.concat_str([*parts, pl.lit("}")], ignore_nulls=True)


def _member(field: Field, cells: pl.Series) -> pl.Expr:
    """Write `,"name":value`, or null for an empty cell."""
    return pl.lit(f",{json.dumps(field.name, ensure_ascii=False)}:") + pl.lit(cells)


def _json(cells: pl.Series, kind: Kind) -> pl.Series:
    """Write every cell as JSON; empty cells are null."""
    if kind in {Kind.NUMBER, Kind.BOOLEAN}:
        text = cells.cast(pl.String).str.strip_chars()
        bare = _WHOLE if kind is Kind.NUMBER else _TRUTH
        lower = text.str.to_lowercase()
        quoted = _quoted(text)
        chosen = pl.when(lower.str.contains(bare)).then(lower).otherwise(quoted)
        return pl.select(pl.when(text != "").then(chosen)).to_series()
    text = cells.cast(pl.String)
    return pl.select(pl.when(text != "").then(_quoted(text))).to_series()


def _quoted(text: pl.Series) -> pl.Series:
    if not text.str.contains(_ESCAPED).any():
        return '"' + text + '"'
    whole = text.to_frame("v").select(
        pl.struct("v").struct.json_encode().str.strip_prefix('{"v":').str.strip_suffix("}")
    )
    return whole.to_series()
