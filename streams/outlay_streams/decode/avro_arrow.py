"""Avro to Arrow by pyruhvro, which is quick and experimental: what it refuses is set apart, never the rest with it.

It takes any bytes for text and stops at the end of an event without a look at what follows, so nothing it yields is
trusted before `avro_sizes` and `avro_text` have agreed. It reads no more than it is given: a length or count beyond
the data is an error, not an allocation.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyruhvro

MOST = 16_384
"""Events a call: with 64 KiB an event no column outgrows the 2 GiB that its offsets can address."""

_FEW = 16
"""Where the search for a bad event stops: the reference decoder reads so few as quickly."""


def batches(values: list[bytes], schema: str) -> Iterator[tuple[range, pa.RecordBatch]]:
    """Yield record batches with the positions of their rows; positions of refused events are left out.

    Up to 16 neighbours of a refused event may be left out with it.
    """
    for start in range(0, len(values), MOST):
        yield from _halves(values, range(start, min(start + MOST, len(values))), schema)


def _halves(values: list[bytes], rows: range, schema: str) -> Iterator[tuple[range, pa.RecordBatch]]:
    batch = _batch(values[rows.start : rows.stop], schema)
    if batch is not None:
        yield rows, batch
    elif len(rows) > _FEW:
        middle = len(rows) // 2
        yield from _halves(values, rows[:middle], schema)
        yield from _halves(values, rows[middle:], schema)


def _batch(values: list[bytes], schema: str) -> pa.RecordBatch | None:
    try:
        return pyruhvro.deserialize_array(values, schema)
    except ValueError:
        return None
    except BaseException as error:
        if type(error).__module__ == "pyo3_runtime":  # a panic of the library: no class to name it by
            return None
        raise
