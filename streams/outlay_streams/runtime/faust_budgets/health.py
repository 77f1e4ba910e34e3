"""Whether a worker gets on: its place in the cells, as the brokers have it, moves while there is something to read."""

from __future__ import annotations

from collections.abc import Collection
from time import monotonic
from typing import Protocol

from outlay_infra.kafka.errors import BrokerError
from outlay_infra.kafka.groups import Offsets
from outlay_streams.runtime.faust_budgets.metrics import BudgetsMetrics
from outlay_streams.runtime.monitor import STALLED_SECONDS


class Places(Protocol):
    """How far the group came. Methods block, and raise `BrokerError`."""

    def committed(self, group: str, topic: str, partitions: int, /) -> Offsets:
        """Return where the group goes on, by partition; one it never noted is absent."""
        ...

    def bounds(self, topic: str, partitions: int, /) -> tuple[Offsets, Offsets]:
        """Return the first offset kept and the end of each partition."""
        ...


class Health:
    """Looks in one thread, answers in any."""

    def __init__(self, places: Places, metrics: BudgetsMetrics, *, group: str, topic: str, partitions: int) -> None:
        """Watch a group over a topic; nothing is asked yet."""
        self._places = places
        self._metrics = metrics
        self._watched = (group, topic, partitions)
        self._moved: dict[int, tuple[int, float]] = {}
        """Where each partition was, and since when, for as long as there is something to read there."""

    def look(self, mine: Collection[int]) -> None:
        """Ask the brokers about these partitions. Where they do not answer, nothing counts as stuck."""
        group, topic, partitions = self._watched
        try:
            committed = self._places.committed(group, topic, partitions)
            starts, ends = self._places.bounds(topic, partitions)
        except BrokerError:
            self._moved = {}
            return
        now, moved = monotonic(), {}
        self._metrics.lag.clear()
        for partition in mine:
            place = max(committed.get(partition, 0), starts[partition])
            self._metrics.lag.labels(str(partition)).set(max(0, ends[partition] - place))
            if place < ends[partition]:
                was = self._moved.get(partition)
                moved[partition] = was if was is not None and was[0] == place else (place, now)
        self._moved = moved

    def stuck(self) -> str | None:
        """Return why the worker counts as stuck, None while it does not."""
        now = monotonic()
        for partition, (place, since) in sorted(self._moved.items()):
            if now - since > STALLED_SECONDS:
                return f"cells of partition {partition} wait from offset {place} on for {now - since:.0f} s"
        return None
