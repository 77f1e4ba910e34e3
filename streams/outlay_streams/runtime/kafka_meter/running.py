"""A meter process, put together from settings: clients, memory, catalogs, health and metrics."""

from __future__ import annotations

import math
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol

import structlog
from prometheus_client import CollectorRegistry

from outlay_infra.clock import SystemClock
from outlay_infra.interpreter import collecting_seldom
from outlay_infra.kafka.client import cluster_topics, consumer_config, producer_config
from outlay_infra.kafka.groups import Follower
from outlay_infra.kafka.registry import SchemaRegistry
from outlay_infra.kafka.topic_admin import TopicAdmin
from outlay_infra.settings import KafkaSettings, Settings
from outlay_infra.warehouse import Warehouse
from outlay_streams.decode.avro import Writers
from outlay_streams.runtime.kafka_meter.catalogs import Catalogs, CatalogSource, CatalogWatch
from outlay_streams.runtime.kafka_meter.cells_out import CellsOut
from outlay_streams.runtime.kafka_meter.intake import Batching, Intake
from outlay_streams.runtime.kafka_meter.late import IdStore, LateLane
from outlay_streams.runtime.kafka_meter.memory import Horizon
from outlay_streams.runtime.kafka_meter.meter import Meter, MeterOptions
from outlay_streams.runtime.kafka_meter.metrics import MeterMetrics
from outlay_streams.runtime.kafka_meter.poison import PoisonBound
from outlay_streams.runtime.kafka_meter.rebuilding import Rebuilder
from outlay_streams.runtime.kafka_meter.spend_log import SpendLog
from outlay_streams.runtime.kafka_meter.store import LazyStore
from outlay_streams.runtime.kafka_meter.transactions import Transactions
from outlay_streams.runtime.monitor import Progress, monitored

GROUP = "meter"
LOADER_GROUP = "loader"

_ROOM = 64 * 1024
"""Bytes of a message beside its value: headers, and the batch around it."""
_FIRST_ANSWER_SECONDS = 10.0
_TICK_SECONDS = 0.1

_log = structlog.get_logger()


class MeterStore(CatalogSource, IdStore, Protocol):
    """What a meter asks the store for; it goes on while nobody answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What is there before the brokers are asked for anything."""

    settings: Settings
    stop: threading.Event
    store: MeterStore
    catalogs: Catalogs
    writers: Writers
    metrics: MeterMetrics
    progress: Progress
    metering: threading.Event


def run_meter(
    settings: Settings,
    stop: threading.Event,
    *,
    store: MeterStore | None = None,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Meter until `stop` is set: the transaction under way is finished and the group left.

    `store` is by default that of the settings; `announce` is told where health and metrics are. Raises `MeterError` or
    `BrokerError` when the meter cannot go on; it may be started again at once.
    """
    with ExitStack() as stack:
        if store is None:
            store = stack.enter_context(
                closing(LazyStore(lambda: Warehouse.open(settings.dsn, database=settings.database)))
            )
        catalogs = Catalogs(store, settings.meter.state or settings.data / "meter")
        parts = _Parts(
            settings=settings,
            stop=stop,
            store=store,
            catalogs=catalogs,
            writers=_writers(settings.kafka, stack),
            metrics=MeterMetrics(CollectorRegistry()),
            progress=Progress(),
            metering=threading.Event(),
        )
        url = stack.enter_context(_monitor(parts))
        _log.info("monitored", url=url)
        if announce is not None:
            announce(url)
        watch = stack.enter_context(_watched(catalogs, settings.meter.catalog_seconds))
        watch.asked.wait(_FIRST_ANSWER_SECONDS)
        while not catalogs.known and not stop.wait(_TICK_SECONDS):
            parts.progress.turn()
        if not stop.is_set():
            _meter(parts)


def _monitor(parts: _Parts) -> AbstractContextManager[str]:
    catalogs = parts.catalogs
    parts.metrics.catalog_age.set_function(lambda: monotonic() - catalogs.refreshed if catalogs.refreshed else math.nan)
    return monitored(
        parts.settings.monitor,
        parts.metrics.registry,
        live={"progress": parts.progress.stalled},
        ready={
            "catalogs": lambda: None if catalogs.known else "no catalog is known yet: the store does not answer",
            "partitions": lambda: None if parts.metering.is_set() else "no partitions are assigned yet",
        },
    )


def _meter(parts: _Parts) -> None:
    settings = parts.settings
    kafka, own = settings.kafka, settings.meter
    topics, clock, loader = cluster_topics(kafka), SystemClock(), Follower(kafka, LOADER_GROUP)
    name = own.instance or uuid.uuid4().hex
    ids = max(1000, settings.ledger.dedupe_ids // kafka.partitions)
    TopicAdmin(kafka).check()
    transactions = Transactions(_transactional(settings, name))
    log = SpendLog(consumer_config(kafka, f"{GROUP}.log"), topics.spend.name)
    batching = Batching(events=own.batch_events, nbytes=own.batch_bytes, seconds=own.gather_ms / 1000)
    intake = Intake(_consuming(settings), (topics.usage.name, topics.usage_late.name), batching)
    with closing(log), closing(intake), collecting_seldom():
        meter = Meter(
            MeterOptions(
                topics=topics,
                org=settings.org,
                block_bytes=kafka.max_message_bytes - _ROOM,
                poison=PoisonBound(run=own.poison_run, percent=own.poison_percent),
            ),
            intake=intake,
            transactions=transactions,
            cells=CellsOut(producer_config(kafka, compression_type="none"), topics.spend_cells.name),
            rebuilder=Rebuilder(log, Horizon(time=settings.ledger.dedupe_horizon, ids=ids), clock),
            late=LateLane(parts.store, lambda: loader.committed(topics.spend.name, kafka.partitions)),
            rules=parts.catalogs.rules,
            writers=parts.writers,
            clock=clock,
            metrics=parts.metrics,
            turned=parts.progress.turn,
            assigned=parts.metering,
        )
        _log.info("metering", name=name, group=kafka.prefix + GROUP, brokers=kafka.bootstrap)
        meter.run(parts.stop)
        _log.info("stopping")


def _writers(kafka: KafkaSettings, stack: ExitStack) -> Writers:
    if kafka.registry is None:
        return Writers()
    registry = stack.enter_context(closing(SchemaRegistry(kafka.registry.get_secret_value())))
    return Writers(resolve=registry.schema)


def _transactional(settings: Settings, name: str) -> dict[str, Any]:
    kafka = settings.kafka
    timeout = int(settings.meter.transaction_seconds * 1000)
    return producer_config(
        kafka,
        transactional_id=f"{kafka.prefix}{GROUP}.{name}",
        transaction_timeout_ms=timeout,
        delivery_timeout_ms=min(timeout, int(kafka.delivery_seconds * 1000)),
        compression_type="none",
        linger_ms=0,
    )


def _consuming(settings: Settings) -> dict[str, Any]:
    own = settings.meter
    named_member = {} if own.instance is None else {"group_instance_id": own.instance}
    return consumer_config(
        settings.kafka,
        GROUP,
        session_timeout_ms=int(own.session_seconds * 1000),
        queued_max_messages_kbytes=own.ahead_bytes // 1024,
        fetch_queue_backoff_ms=5,
        **named_member,
    )


@contextmanager
def _watched(catalogs: Catalogs, seconds: float) -> Iterator[CatalogWatch]:
    watch = CatalogWatch(catalogs, seconds=seconds)
    try:
        yield watch
    finally:
        watch.stop()
