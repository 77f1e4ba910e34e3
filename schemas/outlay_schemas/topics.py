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
    """A `UsageEvent` in Avro (`outlay_schemas.codec`) or JSON; the first byte tells which. Header: `org`."""
    REJECT = "reject"
    """The bytes of a refused event as they came, under the headers of `RejectHeader`."""
    BLOCK = "block"
    """A whole `outlay_schemas.block.Block` as compressed Arrow streams."""
    CELLS = "cells"
    """One org's cells of a block: `outlay_schemas.arrow.CELLS` as an Arrow stream; headers name its source."""
    ALERT = "alert"
    """An alert that fired."""
    BUDGET_STATE = "budget_state"
    """The newest state of one budget."""
    BUDGET_ROW = "budget_row"
    """What a budgets worker keeps of one budget or team, to go on from; of no use to anyone else."""


ORG_HEADER = "org"
"""Names the organisation of a usage event, in UTF-8; records without it are of the organisation of the settings."""


class RejectHeader(StrEnum):
    """What a record of `usage.rejected` says beside the event's bytes; all text is UTF-8."""

    ORG = "org"
    SOURCE = "source"
    """The event's source, empty where the bytes do not tell it."""
    ID = "id"
    """The event's id, likewise."""
    OUTCOME = "outcome"
    """`rejected` or `conflict`."""
    POINTER = "pointer"
    """Where in the event the fault lies (RFC 6901); empty is the event as a whole."""
    REASON = "reason"
    TIME = "time"
    """When the event was received, RFC 3339 in UTC to the millisecond."""
    TOPIC = "topic"
    """Where the event was read from; this and the next two are absent when it came over HTTP."""
    PARTITION = "partition"
    OFFSET = "offset"


class BlockHeader(StrEnum):
    """What a record of `spend` says beside the block; all text is ASCII."""

    INPUT = "input"
    """The records it was made of, as JSON: `topic`, `partition`, and offsets, `from` and before `to`."""
    PART = "part"
    """Its place among the blocks of its partition that were committed together, from 0."""


IDENTITY_KEY = ("org", "source", "id")
"""An event's identity, joined by U+001F: repeats meet in one partition, and no team makes a partition hot."""

KEY_SEPARATOR = "\x1f"
PARTITIONER = "murmur2"
"""How keys choose partitions: as Java and aiokafka hash; librdkafka must be told (`murmur2_random`)."""

MESSAGE_BYTES = 8 * 1024 * 1024
"""Largest record of any topic, unless a deployment says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic. `retention` is None where nothing expires by time."""

    name: str
    key: tuple[str, ...]
    """Fields whose text, joined by U+001F, is the record key; none when the producer names the partition."""
    partitions: int
    retention: timedelta | None
    compacted: bool = False
    """Whether only the newest record of each key is kept, instead of those younger than `retention`."""
    message_bytes: int = MESSAGE_BYTES
    """Largest record, and largest batch of records, in bytes."""
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
    budget_rows: Topic
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
            self.budget_rows,
            self.budget_state,
        )


def topics(
    *,
    prefix: str = "",
    partitions: int = 12,
    retention: timedelta = timedelta(days=7),
    message_bytes: int = MESSAGE_BYTES,
) -> Topics:
    """Return the topics under `prefix` (for example `outlay.`).

    `partitions` scales the meter: partition p of `usage` is metered into partition p of `spend`, so the two are equal.
    `retention` bounds the horizon in which repeats are found from the log alone.
    """

    def topic(name: str, key: tuple[str, ...], contract: Contract) -> Topic:
        return Topic(
            name=prefix + name,
            key=key,
            partitions=partitions,
            retention=retention,
            message_bytes=message_bytes,
            contract=contract,
        )

    def newest(name: str, key: tuple[str, ...], contract: Contract) -> Topic:
        return Topic(
            name=prefix + name,
            key=key,
            partitions=partitions,
            retention=None,
            compacted=True,
            message_bytes=message_bytes,
            contract=contract,
        )

    return Topics(
        usage=topic("usage", IDENTITY_KEY, Contract.USAGE_EVENT),
        usage_late=topic("usage.late", IDENTITY_KEY, Contract.USAGE_EVENT),
        usage_rejected=topic("usage.rejected", IDENTITY_KEY, Contract.REJECT),
        spend=topic("spend", (), Contract.BLOCK),
        spend_cells=topic("spend.cells", ("org",), Contract.CELLS),
        alerts=topic("alerts", ("org",), Contract.ALERT),
        budget_rows=newest("budget.rows", (), Contract.BUDGET_ROW),
        budget_state=newest("budget.state", ("org", "budget"), Contract.BUDGET_STATE),
    )
