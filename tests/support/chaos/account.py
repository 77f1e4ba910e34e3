"""What a ledger has to hold, told one event at a time in `Decimal` from what stands in the topics: a second opinion."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from confluent_kafka import Message

from outlay_infra.kafka import cluster_topics
from outlay_infra.settings import KafkaSettings
from outlay_schemas.codec import CodecError, UsageDecoder
from outlay_schemas.topics import ORG_HEADER, RejectHeader
from outlay_schemas.usage import UsageEvent, too_far_ahead
from outlay_streams.wire import Mark, decode_cells
from tests.support.chaos.traffic import Identity, charged
from tests.support.kafka_broker.reading import read_all

_UNALLOCATED = "unallocated"
_REFUSED = frozenset({"conflict", "rejected"})

Sums = dict[tuple[str, str], tuple[int, Decimal]]
"""Entries and amount by org and team."""


@dataclass
class Account:
    """Every event of `usage` in its order: the first of an identity counts."""

    first: dict[Identity, UsageEvent] = field(default_factory=dict)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many events of each org had which outcome."""
    refused_places: set[tuple[str, int, int]] = field(default_factory=set)
    """Topic, partition and offset of every event in `usage` that had to be refused."""

    @classmethod
    def of(cls, kafka: KafkaSettings) -> Account:
        """Take account of all that was sent to a cluster."""
        topics = cluster_topics(kafka)
        account = cls()
        decoder = UsageDecoder()
        for record in read_all(kafka, topics.usage.name):
            account._take(decoder, record)
        for record in read_all(kafka, topics.usage_rejected.name):
            told = dict(record.headers())
            if RejectHeader.TOPIC.value not in told:  # refused over HTTP, so not in `usage`
                account.outcomes[told[RejectHeader.ORG.value].decode(), "rejected"] += 1
        return account

    def _take(self, decoder: UsageDecoder, record: Message) -> None:
        outcome = self._outcome(decoder, record)
        self.outcomes[_org(record), outcome] += 1
        if outcome in _REFUSED:
            self.refused_places.add((record.topic(), record.partition(), record.offset()))

    def _outcome(self, decoder: UsageDecoder, record: Message) -> str:
        try:
            event = decoder.decode(record.value())
        except (CodecError, ValueError):
            return "rejected"
        if too_far_ahead(event.time, datetime.fromtimestamp(record.timestamp()[1] / 1000, UTC)):
            return "rejected"
        earlier = self.first.setdefault((_org(record), event.source, event.id), event)
        return "counted" if earlier is event else "duplicate" if earlier == event else "conflict"

    def refused(self) -> Counter[tuple[str, str]]:
        """Return how many events of each org were refused, by outcome."""
        return Counter({key: count for key, count in self.outcomes.items() if key[1] in _REFUSED})

    def entries(self) -> dict[Identity, tuple[str, str, Decimal | None]]:
        """Return team, status and amount of everything that has to be in the ledger."""
        return {identity: (event.team or _UNALLOCATED, *charged(event)) for identity, event in self.first.items()}

    def by_team(self) -> Sums:
        """Return what each team of each org spent."""
        return summed((org, team, 1, amount) for (org, _, _), (team, _, amount) in self.entries().items())


def summed(rows: Iterable[tuple[str, str, int, Decimal | None]]) -> Sums:
    """Add up entries and amounts by org and team."""
    entries: Counter[tuple[str, str]] = Counter()
    amounts: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for org, team, count, amount in rows:
        entries[org, team] += count
        amounts[org, team] += amount or Decimal(0)
    return {key: (count, amounts[key]) for key, count in entries.items()}


def cells_by_team(kafka: KafkaSettings) -> Sums:
    """Return the sums of `spend.cells` as whoever keeps totals takes them: those at or below its mark left out."""
    marks: dict[tuple[str, str], int] = {}
    rows: list[dict[str, Any]] = []
    for record in read_all(kafka, cluster_topics(kafka).spend_cells.name):
        mark, org = Mark.of(record.headers()), record.key().decode()
        if mark.block > marks.get((mark.source, org), -1):
            marks[mark.source, org] = mark.block
            rows += decode_cells(record.value()).to_pylist()
    return summed((row["org"], row["team"], row["entries"], row["amount"]) for row in rows)


def refused_places(kafka: KafkaSettings) -> list[tuple[str, int, int]]:
    """Return where the events of `usage.rejected` were read: topic, partition and offset, in order."""
    told = [dict(record.headers()) for record in read_all(kafka, cluster_topics(kafka).usage_rejected.name)]
    topic, partition, offset = (
        name.value for name in (RejectHeader.TOPIC, RejectHeader.PARTITION, RejectHeader.OFFSET)
    )
    return sorted((one[topic].decode(), int(one[partition]), int(one[offset])) for one in told if topic in one)


def _org(record: Message) -> str:
    return dict(record.headers())[ORG_HEADER].decode()
