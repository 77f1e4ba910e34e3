"""The cluster's composition roots: one process a role, over Kafka and a ClickHouse that others use too."""

from __future__ import annotations

import math
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import asdict, replace
from types import FrameType
from typing import Literal

import structlog
from prometheus_client import CollectorRegistry

from outlay_api.app import create_app
from outlay_api.auth.keyring import KeyRing, StoredKeys
from outlay_api.clusterwide.budget_states import BudgetStates
from outlay_api.clusterwide.pending import PendingEvents
from outlay_api.clusterwide.quiet import what_may_follow, who_loads
from outlay_api.clusterwide.self_check import SelfCheck
from outlay_api.compose import NotReady, read_limits
from outlay_api.ledger.price_questions import list_age_seconds
from outlay_api.ledger.rulebook import Rulebook
from outlay_api.ledger.upkeep import Upkeep
from outlay_api.ledger.upkeep import in_background as upkeep_in_background
from outlay_api.server import Server, listen, url_of
from outlay_api.services import Services
from outlay_api.version import version
from outlay_infra.catalog_store import CatalogStore
from outlay_infra.clock import SystemClock
from outlay_infra.errors import NewerSchema
from outlay_infra.kafka import BrokerUnavailable, cluster_topics, producer_config
from outlay_infra.kafka.delivery import BatchProducer, Bounds
from outlay_infra.kafka.registry import SchemaRegistry
from outlay_infra.kafka.topic_admin import TopicAdmin
from outlay_infra.kafka.usage_records import UsageEncoder
from outlay_infra.metrics import Metrics
from outlay_infra.settings import Settings, masked
from outlay_infra.warehouse.shared import SharedWarehouse
from outlay_infra.warehouse.warehouse import Warehouse
from outlay_schemas import avro_schema
from outlay_streams.runtime.kafka_publisher import KafkaPublisher
from outlay_streams.runtime.ports import Clock

Role = Literal["api", "meter", "loader", "budgets"]

Announce = Callable[[str], None]

_log = structlog.get_logger("outlay.cluster")


class NotACluster(RuntimeError):  # noqa: N818 - reads as what it says
    """The settings name the embedded engine, which other processes cannot share; set OUTLAY_STORE."""


def run(role: Role, settings: Settings, *, announce: Announce) -> None:
    """Run one role until SIGTERM or SIGINT; `announce` receives its URL: the API's, or that of health and metrics.

    Raises `NotACluster`, `StartError`, `BrokerError`, `StoreError` and the role's own errors when it cannot go on.
    """
    if settings.store is None or not masked(settings.dsn).startswith("clickhouse"):
        raise NotACluster(
            f"a cluster needs a ClickHouse server, and the store is {masked(settings.dsn)}; "
            "set OUTLAY_STORE=clickhouse://user:password@host:8123, or use outlay serve"
        )
    if role == "api":
        serve(settings, announce=announce)
        return
    with _until_signalled() as stop:
        _worker(role)(settings, stop, announce)


def _worker(role: Role) -> Callable[[Settings, threading.Event, Announce], None]:
    """Return what runs a worker; its libraries load here, for no role has to have those of the others."""
    if role == "meter":
        from outlay_streams.runtime.kafka_meter import run_meter  # noqa: PLC0415

        return lambda settings, stop, announce: run_meter(settings, stop, announce=announce)
    if role == "budgets":
        return _run_budgets
    from outlay_streams.runtime.loader import run_loader  # noqa: PLC0415

    return lambda settings, stop, announce: run_loader(settings, stop, announce=announce)


def _run_budgets(settings: Settings, stop: threading.Event, announce: Announce) -> None:
    from outlay_streams.runtime.faust_budgets import Unstoppable, run_budgets  # noqa: PLC0415

    try:
        run_budgets(settings, stop, announce=announce)
    except Unstoppable:
        _log.exception("ended_by_force")
        os._exit(1)  # threads that wait for brokers would hold the process for ever


@contextmanager
def _until_signalled() -> Iterator[threading.Event]:
    """Yield an event that SIGTERM and SIGINT set; the second of them ends the process as it would have."""
    stop = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def told(number: int, _frame: FrameType | None) -> None:
        _log.info("stopping", signal=signal.Signals(number).name)
        stop.set()
        for each, handler in before.items():
            signal.signal(each, handler)

    for number in before:
        signal.signal(number, told)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def serve(settings: Settings, *, announce: Announce) -> None:
    """Serve the API until SIGTERM or SIGINT."""
    stopping = threading.Event()
    with closing(listen(settings.http)) as listener, services_of(settings) as services, _upkeep(services):
        url = url_of(listener)

        def serving() -> None:
            if stopping.is_set():
                raise NotReady("the server is stopping")

        app = create_app(replace(services, checks={**services.checks, "server": serving}))
        server = Server(app, settings.http, listener, stopping)
        app.openapi()
        services.rules(settings.org)  # so that the first request waits for neither
        server.when_listening(lambda: announce(url))
        _log.info("serving", url=url, store=masked(settings.dsn), brokers=settings.kafka.bootstrap, org=settings.org)
        server.serve_until_stopped()
        _log.info("stopping")


def _upkeep(services: Services) -> AbstractContextManager[None]:
    """Forget old entries once a day, as every replica does: they do not disturb each other."""
    raw_days = services.settings.ledger.retention_days
    return upkeep_in_background(Upkeep(services.warehouse, services.clock, raw_days=raw_days))


def shared_warehouse(settings: Settings) -> SharedWarehouse:
    """Return the store as a cluster's API and its checks use it."""
    warehouse = SharedWarehouse.over(settings.dsn, database=settings.database, writers=lambda: who_loads(settings))
    warehouse.earlier = lambda: what_may_follow(settings, warehouse)
    return warehouse


@contextmanager
def services_of(settings: Settings, *, clock: Clock | None = None) -> Iterator[Services]:
    """Reach the store and the brokers, and give what the API's routes use; what is in flight is delivered at the end.

    Raises `StoreError` when the store cannot be reached or its tables are not of this version.
    """
    clock = clock or SystemClock()
    kafka = settings.kafka
    topics = cluster_topics(kafka)
    with shared_warehouse(settings) as warehouse, BudgetStates(kafka).following() as budgets:
        _up_to_date(warehouse)
        catalog = CatalogStore(warehouse)
        rulebook = Rulebook(catalog)
        keys = KeyRing(StoredKeys(catalog))
        keys.refresh(clock.now())
        bounds = Bounds(records=kafka.in_flight_events, nbytes=kafka.in_flight_bytes)
        producer = BatchProducer(producer_config(kafka), bounds=bounds)
        publisher = KafkaPublisher(producer, topics=topics, clock=clock, encoder=_encoder(settings))
        metrics = Metrics(CollectorRegistry(), version())
        metrics.price_list_age.set_function(
            lambda: list_age_seconds(rulebook.rules(settings.org).book.prices, clock.now()) or math.nan
        )
        metrics.watch_publisher(lambda: asdict(publisher.stats()))
        admin = TopicAdmin(kafka)
        try:
            yield Services(
                settings=settings,
                clock=clock,
                warehouse=warehouse,
                reader=warehouse.reader(read_limits(settings)),
                catalog=catalog,
                publisher=publisher,
                budgets=budgets,
                rules=rulebook.rules,
                reload=lambda org: _reloaded(rulebook, org),
                keys=keys,
                metrics=metrics,
                pending=PendingEvents(settings, warehouse),
                self_check=SelfCheck(settings, warehouse, budgets),
                checks={
                    "store": lambda: _answers(warehouse),
                    "migrations": lambda: _not_behind(warehouse),
                    "brokers": lambda: admin.check(1.5),
                },
            )
        finally:
            if not publisher.stop(settings.intake.stop_seconds):
                _log.error("stopped_with_events_undelivered", fix="their senders were told to send them again")


def _encoder(settings: Settings) -> UsageEncoder:
    """Return how events are written: under their schema's id where a registry gives one, else by its fingerprint.

    Meters read both, so a registry that is away keeps no event out.
    """
    if settings.kafka.registry is None:
        return UsageEncoder()
    with closing(SchemaRegistry(settings.kafka.registry.get_secret_value())) as registry:
        topic = cluster_topics(settings.kafka).usage.name
        try:
            return UsageEncoder.registered(registry.register(topic, avro_schema.published("usage_event")))
        except BrokerUnavailable as error:
            _log.warning("schema_not_registered", error=str(error), instead="its fingerprint, until the next start")
            return UsageEncoder()


def _reloaded(rulebook: Rulebook, org: str) -> None:
    """Answer by the newest catalog; the meters find it themselves."""
    rulebook.refresh(org)


def _answers(warehouse: Warehouse) -> None:
    warehouse.query("SELECT 1 AS one")


def _not_behind(warehouse: Warehouse) -> None:
    """Go on over the tables of a newer version: they only gain, and every replica would be gone at once."""
    with suppress(NewerSchema):
        _up_to_date(warehouse)


def _up_to_date(warehouse: Warehouse) -> None:
    pending = warehouse.pending_migrations()
    if pending:
        raise NotReady(f"migrations are pending: {', '.join(pending)}; run outlay migrate")
