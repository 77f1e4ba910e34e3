"""Columns to events as JSON text, a column at a time.

Numbers keep every digit they have in the file: whole ones are JSON numbers, others decimal strings, so that no reader
takes them for floats.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import polars as pl

from outlay_api.importing.errors import MappingError
from outlay_api.importing.events import Events
from outlay_api.importing.json_cells import as_json
from outlay_api.importing.mapping import ID, Field, FieldMap, Kind
from outlay_api.importing.maps import members
from outlay_api.importing.reading import Malformed, Rows
from outlay_api.importing.times import Times


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
            if field.kind is Kind.MAP:
                pieces[field], wrong = members(cells, field, self.fields.named(field.group))
                refused += self._refused(rows, wrong, partial(_no_object, column), cells)
                continue
            if field.kind is Kind.TIME:
                cells, nowhere = self._times(cells, column)
                refused += self._refused(rows, nowhere, self.times.leapt, frame.get_column(column))
            pieces[field] = as_json(cells, field.kind)
            if field in self.fields.defaults:
                pieces[field] = pieces[field].fill_null(self.fields.defaults[field])
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

    def _refused(self, rows: Rows, wrong: pl.Series, why: Callable[[object], str], cells: pl.Series) -> list[Malformed]:
        return [
            Malformed(
                rows.numbers[index],
                rows.places[index] if rows.places else None,
                why(cells[index]),
                json.dumps(rows.frame.row(index, named=True), default=str, ensure_ascii=False),
            )
            for index in wrong.arg_true().to_list()
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


def _no_object(column: str, cell: object) -> str:
    return f"{column} is no JSON object of single values: {cell} (take the text itself with --map tags.NAME={column})"


def _member(field: Field, cells: pl.Series) -> pl.Expr:
    """Write `,"name":value`, or null for an empty cell; a map is written already."""
    if field.kind is Kind.MAP:
        return pl.lit(cells)
    return pl.lit(f",{json.dumps(field.name, ensure_ascii=False)}:") + pl.lit(cells)
