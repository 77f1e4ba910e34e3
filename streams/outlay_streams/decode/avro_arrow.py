"""Avro to Arrow by pyruhvro, which is quick and experimental: what it refuses is set apart, never the rest with it.

It takes any bytes for text and stops at the end of an event without a look at what follows, so nothing it yields is
trusted before `avro_sizes` and `avro_text` have agreed. It reads no more than it is given: a length or count beyond
the data is an error, not an allocation.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyruhvro

MOST = 16_384
"""Events a batch: with 64 KiB an event no column outgrows the 2 GiB that its offsets can address."""

_FEW = 4
"""Where the search for a bad event stops: the reference decoder reads so few as quickly."""


def batches(values: list[bytes], schema: str) -> Iterator[tuple[npt.NDArray[np.int64], pa.RecordBatch]]:
    """Yield record batches with the positions of their rows; positions of refused events are left out.

    Up to seven neighbours of a refused event may be left out with it.
    """
    for start in range(0, len(values), MOST):
        rows = np.arange(start, min(start + MOST, len(values)))
        batch = _batch(values[start : start + MOST], schema)
        if batch is None:
            rows = np.fromiter(chain.from_iterable(_readable(values, start, int(rows[-1]) + 1, schema)), np.int64)
            batch = _batch([values[row] for row in rows], schema) if rows.size else None
        if batch is not None:
            yield rows, batch


def _readable(values: list[bytes], start: int, end: int, schema: str) -> Iterator[range]:
    """Yield what can be read of a stretch that cannot be read whole, by halves.

    What was read on the way is read again in one piece: laying many small batches together takes longer.
    """
    middle = (start + end) // 2
    for part in (range(start, middle), range(middle, end)):
        if len(part) > _FEW:
            if _batch(values[part.start : part.stop], schema) is not None:
                yield part
            else:
                yield from _readable(values, part.start, part.stop, schema)


def _batch(values: list[bytes], schema: str) -> pa.RecordBatch | None:
    try:
        return pyruhvro.deserialize_array(values, schema)
    except ValueError:
        return None
    except BaseException as error:
        if type(error).__module__ == "pyo3_runtime":  # a panic of the library: no class to name it by
            return None
        raise
