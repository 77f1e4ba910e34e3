"""What a budget still needs: its past, as a question a store can answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True, eq=False)
class Origin:
    """Where the stream began for rows made together: the blocks before it are their past.

    `marks` gains a source when its first block comes. Rows share one origin until their past is added.
    """

    marks: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Rows whose past is to be added, all by one answer.

    The answer is a table: `quarter` (the last of `edges` at or before the time of use), each of `dimensions`,
    `status`, `amount` and `entries`, summed over the org's entries of `edges[0] <= time < edges[-1]` in the blocks at
    or below `marks`, and in every block of sources that `marks` does not name. With it goes the highest block of each
    such source that was summed.
    """

    keys: tuple[str, ...]
    dimensions: tuple[str, ...]
    edges: tuple[datetime, ...]
    marks: Mapping[str, int]
    origin: Origin
