"""A block: the entries of one batch of one source partition, with everything derived from them.

The unit of atomicity: whatever holds part of a block can be completed from its entries, and repeats change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block; every table follows the schema of that name in `outlay_schemas.arrow` and may have no rows."""

    partition: str
    """The source partition, for example `embedded/0` or `usage/7`."""
    offset: int
    """Rises within the partition; names exactly one content, for ever."""
    entries: pa.Table
    ids: pa.Table
    cells: pa.Table
    days: pa.Table
    tag_days: pa.Table
    receipts: pa.Table
    rejects: pa.Table

    @property
    def token(self) -> str:
        """The deduplication token of every insert of this block."""
        return f"{self.partition}/{self.offset}"
