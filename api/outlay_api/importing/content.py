"""What a row says, as bytes that are equal for equal rows only, however the file was written.

Cells of a table are joined in the order of its columns, whatever separates or quotes them in the file. JSON objects are
written with sorted names and without spaces, numbers as doubles; what is not JSON is its own text.
"""

from __future__ import annotations

import json
from typing import Final

import orjson
import polars as pl

_SEPARATOR: Final = "\x1f"
_ESCAPE: Final = "\x1e"
_NULL: Final = f"{_ESCAPE}n"
_MARK: Final = f"[{_ESCAPE}{_SEPARATOR}]"
_TEXTS: Final = (pl.String, pl.Categorical, pl.Enum)
_written = json.JSONEncoder(default=repr, sort_keys=True).encode


def of_frame(frame: pl.DataFrame) -> list[bytes]:
    """Return the content of each row of a table: its cells, joined so that no two different rows are alike."""
    if not frame.width:
        return []
    cells = pl.DataFrame([_text(column).fill_null(_NULL) for column in frame])
    return cells.select(pl.concat_str(pl.all(), separator=_SEPARATOR).cast(pl.Binary)).to_series().to_list()


def of_line(line: str) -> bytes:
    """Return the content of a JSON line; its own text where it cannot be written anew."""
    try:
        return orjson.dumps(orjson.loads(line), option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return json.dumps(line).encode()


def _text(column: pl.Series) -> pl.Series:
    """Write typed cells as text by rules of their own: an id must outlive a library's way to show a number."""
    dtype = column.dtype
    if dtype in _TEXTS:
        return _escaped(column.cast(pl.String))
    if dtype.is_integer() or dtype == pl.Boolean:
        return column.cast(pl.String)
    if isinstance(dtype, pl.Datetime):
        return column.dt.epoch("us").cast(pl.String)
    cells = [None if cell is None else _written(cell) for cell in column.to_list()]
    return pl.Series(column.name, cells, dtype=pl.String)


def _escaped(column: pl.Series) -> pl.Series:
    if not column.str.contains(_MARK).any():
        return column
    doubled = column.str.replace_all(_ESCAPE, _ESCAPE * 2, literal=True)
    return doubled.str.replace_all(_SEPARATOR, _ESCAPE + _SEPARATOR, literal=True)
