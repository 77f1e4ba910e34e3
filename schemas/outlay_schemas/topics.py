"""The topics of the cluster, as data: name, key, partitions, retention, compaction and contract.

Names stand under a prefix, so several deployments can share a broker. Records carry produce time, never event time,
so retention cannot sweep a back-fill.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Contract(StrEnum):
    """What a record's value is."""

    USAGE_EVENT = "usage_event"
    """A `UsageEvent` in Avro (`outlay_schemas.codec`) or JSON; the first byte tells which."""
    REJECT = "reject"
    """A refused event with outcome, pointer and reason: a row of `outlay_schemas.arrow.REJECTS`."""
    BLOCK = "block"
    """A block of spend entries: `outlay_schemas.arrow.ENTRIES` as a compressed Arrow stream."""
    CELLS = "cells"
    """One org's cells of a block: rows of `outlay_schemas.arrow.CELLS` with source partition and offset."""
    ALERT = "alert"
    """An alert that fired."""
    BUDGET_STATE = "budget_state"
    """The newest state of one budget."""


IDENTITY_KEY = ("org", "source", "id")
"""An event's identity, joined by U+001F: repeats meet in one partition, and no team makes a partition hot."""

PARTITIONER = "murmur2"
"""How keys choose partitions: as Java and aiokafka hash; librdkafka must be told (`murmur2_random`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic. `retention` is None where nothing expires by time."""

    name: str
    key: tuple[str, ...]
    """Fields whose text, joined by U+001F, is the record key; none when the producer names the partition."""
    partitions: int
    retention: timedelta | None
    compacted: bool = False
    contract: Contract


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """Every topic of one deployment."""

    usage: Topic
    usage_late: Topic
    usage_rejected: Topic
    spend: Topic
    spend_cells: Topic
    alerts: Topic
    budget_state: Topic

    def all(self) -> tuple[Topic, ...]:
        """Return the topics in the order of the flow."""
        return (
            self.usage,
            self.usage_late,
            self.usage_rejected,
            self.spend,
            self.spend_cells,
            self.alerts,
            self.budget_state,
        )


def topics(*, prefix: str = "", partitions: int = 12, retention: timedelta = timedelta(days=7)) -> Topics:
    """Return the topics under `prefix` (for example `outlay.`).

    `partitions` scales the meter: partition p of `usage` is metered into partition p of `spend`, so the two are equal.
    `retention` bounds the horizon in which repeats are found from the log alone.
    """

    def topic(name: str, key: tuple[str, ...], contract: Contract) -> Topic:
        return Topic(name=prefix + name, key=key, partitions=partitions, retention=retention, contract=contract)

    return Topics(
        usage=topic("usage", IDENTITY_KEY, Contract.USAGE_EVENT),
        usage_late=topic("usage.late", IDENTITY_KEY, Contract.USAGE_EVENT),
        usage_rejected=topic("usage.rejected", IDENTITY_KEY, Contract.REJECT),
        spend=topic("spend", (), Contract.BLOCK),
        spend_cells=topic("spend.cells", ("org",), Contract.CELLS),
        alerts=topic("alerts", ("org",), Contract.ALERT),
        budget_state=Topic(
            name=f"{prefix}budget.state",
            key=("org", "budget"),
            partitions=partitions,
            retention=None,
            compacted=True,
            contract=Contract.BUDGET_STATE,
        ),
    )
