"""Columns that hold many values by name: `tags` and `quantities` as maps, or as JSON objects in text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from outlay_api.importing.errors import MappingError
from outlay_api.importing.json_cells import as_json, quoted
from outlay_api.importing.mapping import Field, Kind

_PAIRS = pl.List(pl.Struct({"key": pl.String, "value": pl.String}))


def members(cells: pl.Series, field: Field, taken: set[str]) -> tuple[pl.Series, pl.Series]:
    """Return each cell as JSON members, `,"name":value` one after another, and a mask of cells that hold no object.

    Names in `taken` are left out, and so are values that are null. Raises `MappingError` for a column that
    cannot hold objects.
    """
    pairs, wrong = _pairs(cells, field)
    rows = pl.DataFrame({"row": pl.int_range(len(pairs), eager=True), "pair": pairs}).explode("pair").unnest("pair")
    rows = rows.filter(
        pl.col("key").is_not_null() & ~pl.col("key").is_in(pl.Series(sorted(taken), dtype=pl.String).implode())
    )
    values = as_json(rows["value"], Kind.NUMBER) if field.group == "quantities" else quoted(rows["value"])
    texts = pl.DataFrame({"row": rows["row"], "text": "," + quoted(rows["key"]) + ":" + values}).drop_nulls()
    joined = texts.group_by("row", maintain_order=True).agg(pl.col("text").str.join())
    whole = pl.DataFrame({"row": pl.int_range(len(pairs), eager=True)}).join(joined, on="row", how="left")
    return whole.sort("row")["text"], wrong


def _pairs(cells: pl.Series, field: Field) -> tuple[pl.Series, pl.Series]:
    match cells.dtype:
        case pl.String:
            found = {text: _parsed(text) for text in cells.unique().to_list()}
            wrong = pl.Series([found[text] is None for text in cells.to_list()], dtype=pl.Boolean)
            return pl.Series([found[text] or [] for text in cells.to_list()], dtype=_PAIRS), wrong
        case pl.List() if _holds_pairs(cells.dtype):
            return _texts(cells), _repeated(False, pl.Boolean(), len(cells))
        case pl.Map() as kind:
            struct = pl.Struct({"key": kind.key, "value": kind.value})
            return _texts(cells.cast(pl.List(struct))), _repeated(False, pl.Boolean(), len(cells))
        case pl.Null:
            return _repeated(None, _PAIRS, len(cells)), _repeated(False, pl.Boolean(), len(cells))
        case kind:
            raise MappingError(
                f"{field.group} is taken from {cells.name!r}, which holds {kind}; "
                "it must hold maps, structs or JSON objects"
            )


def _texts(pairs: pl.Series) -> pl.Series:
    key, value = (pl.element().struct.field(name).cast(pl.String) for name in ("key", "value"))
    return pairs.list.eval(pl.struct(key.alias("key"), value.alias("value")))


def _repeated(value: object, kind: pl.DataType, count: int) -> pl.Series:
    return pl.Series([value], dtype=kind).new_from_index(0, count)


def _holds_pairs(kind: pl.DataType) -> bool:
    inner = getattr(kind, "inner", None)
    return isinstance(inner, pl.Struct) and [each.name for each in inner.fields] == ["key", "value"]


def _parsed(text: str | None) -> list[Mapping[str, str]] | None:
    """Return the members of a JSON object in text; none for an empty cell, and None for anything else."""
    if text is None or not text.strip():
        return []
    try:
        found: Any = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not all(value is None or isinstance(value, str) for value in found.values()):
        return None
    return [{"key": key, "value": value} for key, value in found.items() if value is not None]
