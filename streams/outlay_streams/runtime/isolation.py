"""When a batch cannot be metered: find the events at fault, so that the others still count."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from outlay_schemas.outcome import Verdict
from outlay_streams.refusals import conflicts

INTERNAL_ERROR = (
    "internal_error: the event is valid but could not be metered, and the log says why; report it, then send it again"
)
MAX_ISOLATED = 32
"""Past this many the fault is not the events', and refusing them would lose a whole stream to one mistake."""

Rows = npt.NDArray[np.intp]


def culprits(rows: Rows, fails: Callable[[Rows], bool]) -> Rows:
    """Return which of `rows` fail alone, by halving; stops just past `MAX_ISOLATED`."""
    found: list[int] = []
    for row in _halved(rows, fails):
        found.append(row)
        if len(found) > MAX_ISOLATED:
            break
    return np.array(found, np.intp)


def _halved(rows: Rows, fails: Callable[[Rows], bool]) -> Iterator[int]:
    if not len(rows) or not fails(rows):
        return
    if len(rows) == 1:
        yield int(rows[0])
        return
    middle = len(rows) // 2
    yield from _halved(rows[:middle], fails)
    yield from _halved(rows[middle:], fails)


def isolated(usage: pa.Table) -> pa.Table:
    """Return `REJECTS` rows, yet unstamped, for events that could not be metered."""
    rows = conflicts(usage)
    said = {"outcome": Verdict.REJECTED.value, "pointer": "", "reason": INTERNAL_ERROR}
    for name, value in said.items():
        at = rows.schema.get_field_index(name)
        rows = rows.set_column(at, rows.schema.field(at), pa.repeat(value, rows.num_rows))
    return rows
