"""What a runtime did so far, as one value; whoever exports metrics reads it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeStats:
    """Counts since the start, and what waits now. Times in seconds."""

    queued_events: int = 0
    queued_bytes: int = 0
    blocks: int = 0
    """Blocks made durable."""
    failed_groups: int = 0
    """Groups of batches that could not be made durable; their callers were told to retry."""
    events: int = 0
    """Events answered, whatever became of them."""
    counted: int = 0
    """Events that became entries."""
    unpriced: int = 0
    """Of those counted, how many have no known amount."""
    looked_up: int = 0
    """Events so old that the store was asked for their ids."""
    remembered_ids: int = 0
    remembered_bytes: int = 0
    writing_seconds: float = 0.0
    """Time spent judging, metering and storing."""
    last_block_seconds: float = 0.0
    unsettled: bool = False
    """Whether the store has yet to say what became of a block; nothing else is counted until then."""
