"""The topics around a meter, for tests: usage in, and what was committed out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from outlay_infra.kafka.client import cluster_topics, consumer_config, producer_config
from outlay_infra.kafka.topic_admin import TopicAdmin
from outlay_infra.settings import KafkaSettings, MonitorSettings, Settings
from outlay_schemas.block import Block
from outlay_schemas.catalog import Catalog
from outlay_schemas.codec import encode_single_object
from outlay_schemas.topics import ORG_HEADER, Topic
from outlay_schemas.usage import UsageEvent
from outlay_streams.runtime.kafka_meter import run_meter
from outlay_streams.runtime.kafka_meter.patience import patiently
from outlay_streams.wire import Mark, decode_block, decode_cells
from tests.support.events import event

PATIENCE = 120.0
ORG = "acme"


class MemoryStore:
    """A store for meters: catalogs and ids in memory, away when told so."""

    def __init__(self) -> None:
        self.catalogs: dict[str, list[Catalog]] = {}
        self.ids: dict[int, int] = {}
        self.failure: Exception | None = None
        self.asked = 0

    def versions(self) -> Mapping[str, int]:
        self._answer()
        return {org: len(versions) for org, versions in self.catalogs.items()}

    def at_version(self, org: str, version: int, /) -> Catalog:
        self._answer()
        return self.catalogs[org][version - 1]

    def find_ids(self, hashes: pa.Array, /) -> pa.Table:
        self.asked += 1
        self._answer()
        known = [one for one in hashes.to_pylist() if one in self.ids]
        return pa.table(
            {
                "id_hash": pa.array(known, pa.uint64()),
                "content_hash": pa.array([self.ids[one] for one in known], pa.uint32()),
            }
        )

    def apply(self, org: str, **document: Any) -> None:
        self.catalogs.setdefault(org, []).append(Catalog.model_validate(document))

    def _answer(self) -> None:
        if self.failure is not None:
            raise self.failure


@dataclass
class Running:
    """A meter in a thread of its own."""

    thread: threading.Thread
    stop: threading.Event
    failures: list[BaseException] = field(default_factory=list)
    listens: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def page(self, name: str) -> tuple[int, str]:
        """Return status and text of a page of its monitor."""
        assert self.listens.wait(PATIENCE)
        answer = httpx.get(f"{self.url}/{name}")
        return answer.status_code, answer.text

    def ended(self) -> BaseException | None:
        """Wait for its end and take what ended it."""
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()
        return self.failures.pop() if self.failures else None


class MeterTopics:
    """One deployment's topics on the broker of the test."""

    def __init__(self, kafka: KafkaSettings, data: Path) -> None:
        self.kafka = kafka
        self.topics = cluster_topics(kafka)
        self.store = MemoryStore()
        self.data = data
        self._producer = Producer(producer_config(kafka))
        TopicAdmin(kafka).apply()

    def settings(self, **parts: Any) -> Settings:
        meter = {"gather_ms": 20, "catalog_seconds": 0.05, "session_seconds": 6.0, **parts.pop("meter", {})}
        return Settings(data=self.data, kafka=self.kafka, meter=meter, monitor=MonitorSettings(), **parts)

    @contextmanager
    def metering(self, *, settings: Settings | None = None, store: Any = None) -> Iterator[Running]:
        """Run a meter; stop it in good order on the way out, and raise what ended it unless the test took it."""
        chosen = settings or self.settings()
        stop = threading.Event()

        def run() -> None:
            try:
                run_meter(chosen, stop, store=store or self.store, announce=announced)
            except BaseException as error:  # noqa: BLE001 - handed to the test
                running.failures.append(error)

        running = Running(threading.Thread(target=run), stop)

        def announced(url: str) -> None:
            running.url = url
            running.listens.set()

        running.thread.start()
        try:
            yield running
        finally:
            stop.set()
            running.thread.join(PATIENCE)
        assert not running.thread.is_alive()
        if running.failures:
            raise running.failures[0]

    def send(self, *values: Mapping[str, Any] | bytes, partition: int = 0, **more: Any) -> None:
        """Write events, or bytes, to one partition of `usage` (or `topic`)."""
        for value in values:
            self.queue(value, partition=partition, **more)
        assert self._producer.flush(30) == 0

    def queue(self, value: Mapping[str, Any] | bytes, *, topic: Topic | None = None, **more: Any) -> None:
        """Write one record with the next `send`."""
        raw = value if isinstance(value, bytes) else encoded(value)
        more = {"key": b"k", "partition": 0, "headers": [(ORG_HEADER, ORG.encode())]} | more
        if more["partition"] is None:
            del more["partition"]
        self._producer.produce((topic or self.topics.usage).name, raw, **more)

    def await_that(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds."""
        deadline = monotonic() + PATIENCE
        while not holds():
            assert monotonic() < deadline
            self.pause(0.02)

    def pause(self, seconds: float) -> None:
        """Let others go on for a moment."""
        threading.Event().wait(seconds)

    def written(self, topic: Topic) -> int:
        """Return how many records a topic holds, committed or not, transaction markers included."""
        consumer = Consumer(consumer_config(self.kafka, "test") | {"isolation.level": "read_uncommitted"})
        places = [TopicPartition(topic.name, partition) for partition in range(topic.partitions)]
        try:
            return patiently(lambda: sum(consumer.get_watermark_offsets(place, 10)[1] for place in places), "asking")
        finally:
            consumer.close()

    def read(self, topic: Topic, *, until: Callable[[list[Message]], bool] | None = None) -> list[Message]:
        """Return the committed records of a topic from its beginning; with `until`, wait for that to hold."""
        consumer = Consumer(consumer_config(self.kafka, "test") | {"enable.partition.eof": True})
        places = [TopicPartition(topic.name, partition, 0) for partition in range(topic.partitions)]
        consumer.assign(places)
        found: list[Message] = []
        ended: set[int] = set()
        deadline = monotonic() + PATIENCE
        try:
            while monotonic() < deadline:
                before = len(found) + len(ended)
                for message in consumer.consume(500, 0.05):
                    error = message.error()
                    if error is None:
                        found.append(message)
                    else:
                        assert error.code() == KafkaError._PARTITION_EOF, error
                        ended.add(message.partition())
                if before == len(found) + len(ended) and before:
                    continue
                if until(found) if until is not None else len(ended) == len(places):
                    return found
        finally:
            consumer.close()
        raise AssertionError(
            f"{topic.name} did not come to hold what the test waits for; it holds {len(found)} records"
        )

    def blocks(self, *, events: int | None = None) -> list[Block]:
        """Return the committed blocks; with `events`, once their receipts count so many events received."""
        enough = None if events is None else lambda found: _received(found) >= events
        return _blocks(self.read(self.topics.spend, until=enough))

    def cells(self) -> list[tuple[Mark, pa.Table]]:
        """Return the cells sent, with their marks, in the order of their partition."""
        return [(Mark.of(one.headers()), decode_cells(one.value())) for one in self.read(self.topics.spend_cells)]


def encoded(fields: Mapping[str, Any]) -> bytes:
    return encode_single_object(UsageEvent.model_validate(event(time=now().isoformat()) | dict(fields)))


def now() -> datetime:
    return datetime.now(UTC)


def entries(blocks: Iterable[Block]) -> pa.Table:
    return pa.concat_tables([block.entries for block in blocks])


def outcomes(blocks: Iterable[Block]) -> dict[str, int]:
    """Return the receipts' counts that are not zero."""
    receipts = pa.concat_tables([block.receipts for block in blocks])
    counts = {name: pc.sum(receipts[name]).as_py() or 0 for name in ("counted", "duplicate", "conflict", "rejected")}
    return {name: count for name, count in counts.items() if count}


def summed(cells: Iterable[tuple[Mark, pa.Table]]) -> dict[str, Any]:
    """Return the sums of cells by column, as whoever keeps totals takes them: those at or below its mark left out."""
    marks: dict[tuple[str, str], int] = {}
    total = {"entries": 0, "amount": 0}
    for mark, table in cells:
        (org,) = set(table["org"].to_pylist())
        if mark.block > marks.get((mark.source, org), -1):
            marks[mark.source, org] = mark.block
            for name in total:
                total[name] += pc.sum(table[name]).as_py()
    return total


def _blocks(messages: Iterable[Message]) -> list[Block]:
    return [decode_block(one.value(), f"spend/{one.partition()}", one.offset()) for one in messages]


def _received(messages: Iterable[Message]) -> int:
    return sum(sum(block.receipts["received"].to_pylist()) for block in _blocks(messages))
