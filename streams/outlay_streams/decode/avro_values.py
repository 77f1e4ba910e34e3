"""The buffers of Arrow columns as arrays, without a copy."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Mask = npt.NDArray[np.bool_]
_Number = TypeVar("_Number", np.int64, np.int32, np.uint8)


def integers(column: pa.Array) -> npt.NDArray[np.int64]:
    """Return the values of an int64 column; what stands where the column is null is anything."""
    found = _buffer(column.buffers()[1], np.dtype(np.int64))
    return found[column.offset : column.offset + len(column)]


def offsets(column: pa.Array) -> npt.NDArray[np.int32]:
    """Return where each row of a text, list or map column starts and the last one ends."""
    found = _buffer(column.buffers()[1], np.dtype(np.int32))
    return found[column.offset : column.offset + len(column) + 1] if found.size else np.zeros(1, np.int32)


def octets(text: pa.Array) -> npt.NDArray[np.uint8]:
    """Return the bytes that the offsets of a text column count in."""
    return _buffer(text.buffers()[2], np.dtype(np.uint8))


def present(column: pa.Array) -> Mask | None:
    """Return where a column is not null; None when it nowhere is."""
    return None if column.null_count == 0 else column.is_valid().to_numpy(zero_copy_only=False)


def _buffer(buffer: pa.Buffer | None, kind: np.dtype[_Number]) -> npt.NDArray[_Number]:
    return np.empty(0, kind) if buffer is None else np.frombuffer(buffer, kind)
