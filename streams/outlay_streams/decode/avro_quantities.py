"""The open list of units and quantities: exact decimals from text, `requests` set apart as the number of calls."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from outlay_schemas.arrow import QUANTITIES, QUANTITY
from outlay_schemas.units import CALLS, FREQUENT, UNIT_NAME
from outlay_schemas.usage import MAX_UNITS
from outlay_streams.decode.avro_maps import Pairs, none
from outlay_streams.decode.avro_values import Mask, offsets

_QUANTITY = r"^(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?$"
_COUNT = r"^(0|[1-9][0-9]{0,11})$"
_AMOUNT = r"^-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,12})?$"
_UNIT = re.compile(UNIT_NAME.pattern.encode())
_OWN_FIELD = frozenset(unit.encode() for unit in FREQUENT)


def amounts(texts: pa.Array, kind: pa.Decimal128Type) -> tuple[pa.Array, Mask]:
    """Return decimals of texts that are certainly amounts within bounds, and which those, or null, are."""
    decimals, good = _decimals(texts, _AMOUNT, kind)
    return decimals, good | texts.is_null().to_numpy(zero_copy_only=False)


def quantities(column: pa.Array, item: tuple[int, int], good: Mask) -> tuple[pa.Array, pa.Array]:
    """Return the maps without `requests`, and the number of requests where one is said, else null.

    `item` says where unit and quantity stand; rows that are not certainly valid are cleared in `good`.
    """
    bounds = offsets(column)
    if bounds[0] == bounds[-1]:
        return none(len(column), QUANTITIES), pa.nulls(len(column), pa.int64())
    listed = column.values[bounds[0] : bounds[-1]]
    units = listed.field(item[0])
    decimals, sure = _decimals(listed.field(item[1]), _QUANTITY, QUANTITY)
    ordered, twice = Pairs(bounds - bounds[0], units, decimals).in_order()
    pairs = Pairs(bounds - bounds[0], units, decimals)
    good[pairs.rows[~(sure & _named(units))]] = False
    good[twice] = False
    good &= np.diff(bounds) <= MAX_UNITS - len(FREQUENT)
    calls, unsure = _calls(pairs, listed.field(item[1]), len(column))
    good[unsure] = False
    other = pc.not_equal(ordered.keys, CALLS).to_numpy(zero_copy_only=False)
    return ordered.keep(other).as_map(QUANTITIES), calls


def _calls(pairs: Pairs, texts: pa.Array, rows: int) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """Return the requests of each row, and the rows where they are not certainly a whole number."""
    here = pc.equal(pairs.keys, CALLS).to_numpy(zero_copy_only=False)
    counts = np.zeros(rows, np.int64)
    missing = np.ones(rows, np.bool_)
    said = texts.filter(pa.array(here))
    whole = _matches(said, _COUNT)
    at = pairs.rows[here]
    counts[at] = pc.if_else(pa.array(whole), said, "0").cast(pa.int64()).to_numpy()
    missing[at] = False
    return pa.array(counts, mask=missing), at[~whole]


def _decimals(texts: pa.Array, pattern: str, kind: pa.Decimal128Type) -> tuple[pa.Array, Mask]:
    sure = _matches(texts, pattern)
    if not sure.all():
        texts = pc.if_else(pa.array(sure), texts, pa.scalar(None, pa.string()))
    return texts.cast(kind), sure


def _matches(texts: pa.Array, pattern: str) -> Mask:
    found: Mask = pc.match_substring_regex(texts, pattern).fill_null(False).to_numpy(zero_copy_only=False)
    return found


def _named(units: pa.Array) -> Mask:
    coded = units.dictionary_encode()
    names = coded.dictionary.cast(pa.binary()).to_pylist()
    known = np.array([bool(_UNIT.fullmatch(name)) and name not in _OWN_FIELD for name in names], np.bool_)
    fit: Mask = known[coded.indices.to_numpy()]
    return fit
