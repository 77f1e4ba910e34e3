"""The identity and the content of usage events as hashes, a batch at a time.

Identity is XXH3-64 of org, source and id joined by U+001F. Content is the low 32 bits of XXH3-64 over every field that
differs from its default, by name, so that a field added later leaves the hash of older events as it was.
Texts carry no control characters (`UsageEvent` refuses them), which makes the joined text unambiguous.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from xxhash import xxh3_64_intdigest

from outlay_schemas.arrow import USAGE
from outlay_schemas.identity import SEPARATOR

_ITEM = "\x1e"
_PAIR = "\x1d"
_LOW_32 = np.uint64(0xFFFFFFFF)
_IDENTITY = ("org", "source", "id")
_DEFAULTS = {"calls": "1", "outcome": "ok", "estimated": "false", "kind": "usage"}


@dataclass(frozen=True, slots=True)
class Identities:
    """Hashes of a batch, row by row: `id_hash` uint64 and `content_hash` uint32."""

    id_hash: npt.NDArray[np.uint64]
    content_hash: npt.NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.id_hash)


def identify(usage: pa.Table) -> Identities:
    """Return the identity and content hashes of a `USAGE` table."""
    names = pl.DataFrame([_series(usage, name) for name in _IDENTITY])
    identity = names.select(pl.concat_str(_IDENTITY, separator=SEPARATOR)).to_series()
    texts = list(_texts(usage))
    if not texts:
        contents = pl.repeat("", usage.num_rows, eager=True)
    else:
        parts = [_part(text.name, default) for text, default in texts]
        contents = pl.DataFrame([text for text, _ in texts]).select(pl.concat_str(parts, ignore_nulls=True)).to_series()
    return Identities(_hashes(identity), (_hashes(contents) & _LOW_32).astype(np.uint32))


def _hashes(texts: pl.Series) -> npt.NDArray[np.uint64]:
    return np.fromiter(map(xxh3_64_intdigest, texts.cast(pl.Binary).to_list()), np.uint64, len(texts))


def _series(usage: pa.Table, name: str) -> pl.Series:
    return pl.Series(name, pl.from_arrow(usage[name]))


def _part(name: str, default: str) -> pl.Expr:
    """Return `name=value` and a separator, or null where the value is the default."""
    text = pl.col(name)
    return pl.when(text != default).then(pl.concat_str(pl.lit(f"{name}="), text, pl.lit(SEPARATOR)))


def _texts(usage: pa.Table) -> Iterator[tuple[pl.Series, str]]:
    """Yield each column of the content as text, with the text of its default; one of nothing but defaults is left out.

    Most columns of most batches are.
    """
    for field in USAGE:
        column = usage[field.name]
        if field.name in _IDENTITY or column.null_count == len(column):
            continue
        series = _series(usage, field.name)
        if pa.types.is_map(field.type):
            text, default = _map_text(series), ""
        elif pa.types.is_timestamp(field.type):
            text, default = series.cast(pl.Int64).cast(pl.String), ""
        elif pa.types.is_integer(field.type) and not field.nullable:
            default = _DEFAULTS.get(field.name, "0")
            if (series == int(default)).all():
                continue
            text = series.cast(pl.String)
        else:
            text, default = series.cast(pl.String), _DEFAULTS.get(field.name, "")
        if not (text == default).all(ignore_nulls=True):
            yield text, default


def _map_text(column: pl.Series) -> pl.Series:
    pair = [pl.element().struct.field("key"), pl.element().struct.field("value").cast(pl.String)]
    entries = column.cast(pl.List(pl.Struct({"key": pl.String, "value": column.dtype.value})))  # type: ignore[attr-defined]
    return entries.list.eval(pl.concat_str(pair, separator=_PAIR)).list.join(_ITEM)
