"""What a meter remembers of a partition: the ids counted, and from which block on it knows every one of them."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from outlay_streams.dedupe import ALWAYS, Deduper
from outlay_streams.identity import Identities

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_APART = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """How much is remembered of one partition: ids received within `time`, at most `ids` of them."""

    time: timedelta
    ids: int


@dataclass(slots=True)
class Memory:
    """The ids of one partition. Only what is committed is remembered."""

    deduper: Deduper
    next_block: int
    """The offset in `spend` up to which blocks are known."""
    after_last: int = 0
    """The offset after the newest block: behind it may lie what no reader ever passes, the end of a transaction."""
    last_received: datetime = EPOCH
    """No block is received before the one ahead of it."""
    sent_prices: set[str] = field(default_factory=set)
    """Prices whose terms the partition's log holds."""
    _times: list[datetime] = field(default_factory=list)
    _offsets: list[int] = field(default_factory=list)

    def remember(self, ids: pa.Table, *, received: datetime, offset: int) -> None:
        """Keep the ids (`id_hash`, `content_hash`) of the committed block at `offset`."""
        self.mark(received, offset)
        self.next_block = self.after_last = offset + 1
        self.last_received = max(self.last_received, received)
        known = Identities(ids["id_hash"].to_numpy(), ids["content_hash"].to_numpy())
        self.deduper.remember(known, self.last_received)
        stale = bisect.bisect_left(self._times, self.deduper.covered_since)
        if stale > len(self._times) // 2:
            del self._times[:stale], self._offsets[:stale]

    def mark(self, received: datetime, offset: int) -> None:
        """Note that the block at `offset` was received then; a minute's first will do."""
        if not self._times or received - self._times[-1] >= _APART:
            self._times.append(received)
            self._offsets.append(offset)

    def known_from(self) -> int:
        """Return an offset in `spend` such that the ids of every block from there on are here; a loader gets there."""
        if self.deduper.covered_since == ALWAYS:
            return 0
        at = bisect.bisect_left(self._times, self.deduper.covered_since)
        return self._offsets[at] if at < len(self._offsets) else self.after_last
