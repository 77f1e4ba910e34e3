"""Why a line of the loader stops: a block that no retry will store. Nothing behind it is lost; it waits in the log."""

from __future__ import annotations


class BlockRefused(Exception):  # noqa: N818 - reads as what happened
    """A block cannot be stored for what it holds, or the store holds another one in its place."""

    def __init__(self, place: str, offset: int, reason: str) -> None:
        """Name the record, `place` being its topic and partition, and say why."""
        super().__init__(f"{place} offset {offset}: {reason}")
        self.offset = offset
