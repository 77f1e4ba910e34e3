"""The keys of rows. They name how many partitions there are: where that changes, organisations move, and begin anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from outlay_schemas.topics import KEY_SEPARATOR


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys of a deployment with so many partitions; `placed` tells that of an organisation."""

    partitions: int
    placed: Callable[[str], int]

    def row(self, org: str, name: str) -> bytes:
        """Return the key of a row of an organisation's book."""
        return KEY_SEPARATOR.join((str(self.partitions), org, name)).encode()

    def place(self, partition: int) -> bytes:
        """Return the key of the row that says how far a partition was read; no organisation has an empty name."""
        return self.row("", str(partition))

    def read(self, key: bytes) -> tuple[str, str] | None:
        """Return organisation (empty for a partition) and name of a row; None when there were more or fewer."""
        partitions, org, name = key.decode().split(KEY_SEPARATOR, 2)
        return (org, name) if partitions == str(self.partitions) else None

    def partition(self, key: bytes) -> int | None:
        """Return the partition a row belongs to; None when there were more or fewer."""
        found = self.read(key)
        if found is None:
            return None
        org, name = found
        return self.placed(org) if org else int(name)
