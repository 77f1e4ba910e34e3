"""Cells as JSON text, a column at a time; numbers keep every digit they have."""

from __future__ import annotations

import polars as pl

from outlay_api.importing.mapping import Kind

_WHOLE = r"^-?(0|[1-9][0-9]{0,17})$"
_TRUTH = r"^(true|false)$"
_ESCAPED = r'["\\\x00-\x1f]'


def as_json(cells: pl.Series, kind: Kind) -> pl.Series:
    """Write every cell as JSON; empty cells are null. Numbers that are not whole become strings.

    Where whole numbers belong, `12.0` is one: so columns with gaps are written by many tools.
    """
    if kind in {Kind.NUMBER, Kind.WHOLE, Kind.BOOLEAN}:
        text = cells.cast(pl.String).str.strip_chars()
        if kind is Kind.WHOLE:
            text = text.str.replace(r"^(-?[0-9]+)\.0+$", "$1")
        bare = _TRUTH if kind is Kind.BOOLEAN else _WHOLE
        lower = text.str.to_lowercase()
        chosen = pl.when(lower.str.contains(bare)).then(lower).otherwise(quoted(text))
        return pl.select(pl.when(text != "").then(chosen)).to_series()
    text = cells.cast(pl.String)
    return pl.select(pl.when(text != "").then(quoted(text))).to_series()


def quoted(text: pl.Series) -> pl.Series:
    """Write every text as a JSON string."""
    if not text.str.contains(_ESCAPED).any():
        return '"' + text + '"'
    whole = text.to_frame("v").select(
        pl.struct("v").struct.json_encode().str.strip_prefix('{"v":').str.strip_suffix("}")
    )
    return whole.to_series()
