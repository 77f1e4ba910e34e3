"""Refused events of a cluster: read from `usage.rejected`, sent again to `usage` by their identity."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Self

import pyarrow as pa
from confluent_kafka import Message

from outlay_api.clusterwide.log_reader import read
from outlay_api.rejected.refused import Refused
from outlay_api.rejected.selection import Selection
from outlay_infra.kafka import cluster_topics, producer_config
from outlay_infra.kafka.delivery import BatchProducer, Record
from outlay_infra.kafka.groups import Progress
from outlay_infra.kafka.registry import SchemaRegistry
from outlay_infra.kafka.usage_records import keys
from outlay_infra.settings import KafkaSettings, Settings
from outlay_infra.warehouse import Warehouse
from outlay_schemas.outcome import ACCEPTED, Outcome
from outlay_schemas.topics import ORG_HEADER, RejectHeader
from outlay_streams.decode.avro import Writers
from outlay_streams.identity import identify

BATCH = 1_000
"""Records judged and sent together."""

_STOP_SECONDS = 30.0


class RejectedTopic:
    """Used by one task. Methods raise `BrokerError`, and `StoreError` when the ledger cannot be asked."""

    def __init__(self, settings: Settings, warehouse: Warehouse, producer: BatchProducer, writers: Writers) -> None:
        self.writers = writers
        self._kafka = settings.kafka
        self._topics = cluster_topics(settings.kafka)
        self._warehouse = warehouse
        self._producer = producer

    @classmethod
    @contextmanager
    def opened(cls, settings: Settings) -> Iterator[Self]:
        """Reach brokers, store and, if there is one, registry; close them on the way out."""
        registry = _registry(settings.kafka)
        producer = BatchProducer(producer_config(settings.kafka))
        try:
            with Warehouse.open(settings.dsn, database=settings.database) as warehouse:
                writers = Writers(resolve=None if registry is None else registry.schema)
                yield cls(settings, warehouse, producer, writers)
        finally:
            producer.stop(_STOP_SECONDS)
            if registry is not None:
                registry.close()

    async def read(self, chosen: Selection, /) -> AsyncIterator[Sequence[Refused]]:
        """Yield what the topic holds at this moment, in order of partition and offset."""
        with closing(self._records(chosen)) as found:
            while batch := list(islice(found, BATCH)):
                yield batch

    async def held(self, usage: pa.Table, /) -> Sequence[bool]:
        """Return, row by row, whether the ledger has an event of that identity."""
        if not usage.num_rows:
            return []
        hashes = identify(usage).id_hash
        known = set(self._warehouse.find_ids(pa.array(hashes))["id_hash"].to_pylist())
        return [one in known for one in hashes.tolist()]

    async def send(self, events: Sequence[Refused], usage: pa.Table, /) -> Sequence[Outcome]:
        """Write the very bytes to `usage`, keyed by identity; every one is acknowledged when this returns.

        A meter judges them later, so each is accepted for now.
        """
        records = [
            Record(key, event.value, [(ORG_HEADER, event.org.encode())])
            for event, key in zip(events, keys(usage), strict=True)
        ]
        self._producer.send([(self._topics.usage.name, records)], timestamp=time.time_ns() // 1_000_000).result()
        return [ACCEPTED] * len(records)

    def _records(self, chosen: Selection) -> Generator[Refused, None, None]:
        topic = self._topics.usage_rejected
        starts, ends = Progress(self._kafka).bounds(topic.name, topic.partitions)
        stretches = {partition: (starts[partition], end) for partition, end in ends.items()}
        if chosen.places:
            stretches = {
                partition: (max(stretches[partition][0], min(mine)), min(stretches[partition][1], max(mine) + 1))
                for partition in stretches
                if (mine := [offset for place, offset in chosen.places if place == partition])
            }
        for message in read(self._kafka, topic.name, stretches):
            event = refused(message)
            if event is not None and chosen.takes(event):
                yield event


def refused(message: Message) -> Refused | None:
    """Return the refused event of a record, None for a record whose headers do not say what it is."""
    told: Mapping[str, str] = {
        name: (value or b"").decode("utf-8", "replace") for name, value in message.headers() or ()
    }
    places = [told.get(name.value, "") for name in (RejectHeader.TOPIC, RejectHeader.PARTITION, RejectHeader.OFFSET)]
    try:
        received = datetime.fromisoformat(told[RejectHeader.TIME.value]).astimezone(UTC)
        return Refused(
            place=f"{message.partition()}/{message.offset()}",
            org=told[RejectHeader.ORG.value],
            source=told.get(RejectHeader.SOURCE.value, ""),
            id=told.get(RejectHeader.ID.value, ""),
            outcome=told[RejectHeader.OUTCOME.value],
            pointer=told.get(RejectHeader.POINTER.value, ""),
            reason=told.get(RejectHeader.REASON.value, ""),
            received=received,
            origin="/".join(places) if places[0] else "",
            value=message.value() or b"",
        )
    except (KeyError, ValueError):
        return None


def _registry(kafka: KafkaSettings) -> SchemaRegistry | None:
    return None if kafka.registry is None else SchemaRegistry(kafka.registry.get_secret_value())
