"""Events that the cluster has accepted and the store does not hold yet, by organisation, day and source.

They wait in three places: in `usage` for the meter, in `usage.late` for the store's word, in `spend` for the loader.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from confluent_kafka import Message

from outlay_api.clusterwide.log_reader import Stretch, read
from outlay_api.services import PendingUnknown
from outlay_infra.kafka import BrokerError, cluster_topics
from outlay_infra.kafka.groups import Progress
from outlay_infra.settings import Settings
from outlay_infra.warehouse import Warehouse
from outlay_infra.warehouse.loading.evidence import receipts
from outlay_schemas.topics import KEY_SEPARATOR, ORG_HEADER, Topic
from outlay_streams.runtime.loader.sources import RejectedSource
from outlay_streams.wire import decode_receipts

MOST = 1_000_000
"""Records that are counted one by one; more of them are not waited for."""

Source = tuple[str, date, str]
"""Organisation, UTC day received, source."""


class PendingEvents:
    """Counts what waits. Thread-safe; raises `StoreError`, and `PendingUnknown` also when no broker answers."""

    def __init__(self, settings: Settings, warehouse: Warehouse) -> None:
        """Prepare; nothing is asked yet."""
        self._settings = settings
        self._warehouse = warehouse
        self._topics = cluster_topics(settings.kafka)
        self._progress = Progress(settings.kafka)

    def __call__(self, org: str) -> Mapping[tuple[date, str], int]:
        """Return how many events of an organisation wait, by day and source."""
        found = self.everywhere()
        return {(day, source): count for (whose, day, source), count in found.items() if whose == org}

    def everywhere(self) -> Counter[Source]:
        """Return how many events wait, of every organisation; one that moves on meanwhile counts once or not at all."""
        try:
            loaded = self.unloaded() + self.unaccounted()
            return loaded + self.unmetered(self._topics.usage) + self.unmetered(self._topics.usage_late)
        except BrokerError as error:
            raise PendingUnknown(f"what waits in the topics is not known: {error}") from error

    def unmetered(self, topic: Topic) -> Counter[Source]:
        """Return what waits in a topic of usage events."""
        stretches = self._stretches("meter", topic)
        self._bound(stretches)
        found: Counter[Source] = Counter()
        for message in read(self._settings.kafka, topic.name, stretches):
            found[self._source_of(message)] += 1
        return found

    def unloaded(self) -> Counter[Source]:
        """Return what waits in `spend`: received in blocks that the store does not hold wholly."""
        found: Counter[Source] = Counter()
        _add(found, self.unloaded_receipts())
        return found

    def unloaded_receipts(self) -> Iterator[Mapping[str, Any]]:
        """Yield the receipts of blocks that the store does not hold wholly."""
        topic = self._topics.spend
        stretches = self._stretches("loader", topic)
        there = {
            (partition, offset)
            for partition, (start, end) in stretches.items()
            for offset in receipts(self._warehouse, f"spend/{partition}", start, end)["block"].to_pylist()
        }
        for message in read(self._settings.kafka, topic.name, stretches):
            if (message.partition(), message.offset()) not in there:
                name = f"spend/{message.partition()}"
                yield from decode_receipts(message.value() or b"", name, message.offset()).to_pylist()

    def unaccounted(self) -> Counter[Source]:
        """Return what was refused over HTTP and has no receipt in the store yet."""
        topic = self._topics.usage_rejected
        found: Counter[Source] = Counter()
        for message in read(self._settings.kafka, topic.name, self._stretches("loader", topic)):
            source = RejectedSource(topic.name, message.partition())
            _add(found, source.receipts(message).to_pylist())
        return found

    def _stretches(self, group: str, topic: Topic) -> dict[int, Stretch]:
        committed = self._progress.committed(group, topic.name, topic.partitions)
        starts, ends = self._progress.bounds(topic.name, topic.partitions)
        return {partition: (committed.get(partition, starts[partition]), end) for partition, end in ends.items()}

    def _bound(self, stretches: Mapping[int, Stretch]) -> None:
        waiting = sum(max(0, end - start) for start, end in stretches.values())
        if waiting > MOST:
            raise PendingUnknown(f"about {waiting:,} events wait for the meter; ask again once fewer than {MOST:,} do")

    def _source_of(self, message: Message) -> Source:
        """Return whose event it is by header and key, which every producer of `usage` sets."""
        org = dict(message.headers() or ()).get(ORG_HEADER)
        parts = (message.key() or b"").decode("utf-8", "replace").split(KEY_SEPARATOR)
        day = datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC).date()
        whose = org.decode("utf-8", "replace") if org else self._settings.org
        return whose, day, parts[1] if len(parts) == 3 else ""


def _add(found: Counter[Source], rows: Iterable[Mapping[str, Any]]) -> None:
    for row in rows:
        found[row["org"], row["day"], row["source"]] += row["received"]
