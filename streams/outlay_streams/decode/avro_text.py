"""Which texts of a column are certainly valid by `UsageEvent`: a length, UTF-8, no control characters."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from outlay_schemas.usage import MAX_TEXT
from outlay_streams.decode.avro_values import Mask, octets, offsets, present

_SPACE = 0x20
_DELETE = 0x7F


def valid(texts: pa.Array, *, least: int = 1) -> Mask:
    """Return which texts are valid, or null; one above 256 bytes is never certain, for it is characters that count."""
    bounds = offsets(texts)
    lengths = np.diff(bounds)
    good = (lengths >= least) & (lengths <= MAX_TEXT)
    there = present(texts)
    if there is not None:
        good |= ~there
    data = octets(texts)[bounds[0] : bounds[-1]]
    if data.size and (data.min() < _SPACE or data.max() >= _DELETE):
        controls = np.flatnonzero((data < _SPACE) | (data == _DELETE)) + bounds[0]
        good[np.searchsorted(bounds, controls, side="right") - 1] = False
        good[list(_not_utf8(texts))] = False
    return good


def _not_utf8(texts: pa.Array, start: int = 0) -> Iterator[int]:
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        if len(texts) == 1:
            yield start
            return
        middle = len(texts) // 2
        yield from _not_utf8(texts[:middle], start)
        yield from _not_utf8(texts[middle:], start + middle)
