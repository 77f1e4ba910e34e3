"""The embedded composition root: everything in one process over one data directory."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace

import structlog
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from outlay_api.app import create_app
from outlay_api.auth.keyring import KeyRing, StoredKeys
from outlay_api.ledger.day_rebuilds import DayRebuilds
from outlay_api.ledger.price_questions import list_age_seconds
from outlay_api.ledger.rulebook import Rulebook
from outlay_api.ledger.upkeep import Upkeep
from outlay_api.ledger.upkeep import in_background as upkeep_in_background
from outlay_api.ledger.warming import Warming
from outlay_api.queries.coverage import days_follow, organisations
from outlay_api.server import Server, listen, url_of
from outlay_api.services import Services
from outlay_api.version import version
from outlay_infra.catalog_store import CatalogStore
from outlay_infra.clock import SystemClock
from outlay_infra.metrics import Metrics
from outlay_infra.settings import Settings, masked
from outlay_infra.warehouse import Lease, ReadLimits, Warehouse
from outlay_streams.catalog.rules import CatalogSnapshot
from outlay_streams.runtime.embedded import EmbeddedRuntime, Memory
from outlay_streams.runtime.embedded_budgets import EmbeddedBudgets
from outlay_streams.runtime.lock import WriterLock
from outlay_streams.runtime.ports import Clock
from outlay_streams.runtime.queue import QueueLimits
from outlay_streams.runtime.rehearsal import rehearse

_log = structlog.get_logger("outlay.compose")


class NotReady(RuntimeError):  # noqa: N818 - reads as what it says
    """A readiness check failed; the message says what is missing."""


def _always() -> bool:
    return True


@contextmanager
def embedded(settings: Settings, *, clock: Clock | None = None) -> Iterator[Services]:
    """Open the data directory and the store as their one writer, bring the store up to date, and start counting.

    On the way out intake stops and what is queued is written. Raises `DataDirectoryError` and `StoreError` when the
    directory or the store cannot be used.
    """
    clock = clock or SystemClock()
    with (
        WriterLock(settings.data, now=clock.now()) as lock,
        Warehouse.open(settings.dsn, database=settings.database) as warehouse,
    ):
        for name in warehouse.migrate():
            _log.info("migrated", migration=name)
        lease = Lease.claim(warehouse, folder=lock.identity, at_least=lock.generation)
        upkeep = Upkeep(warehouse, clock, raw_days=settings.ledger.retention_days)
        with (
            _held(lease, warehouse),
            running(
                settings, warehouse, generation=lease.generation, clock=clock, may_write=lease.may_write
            ) as services,
            upkeep_in_background(upkeep),
        ):
            yield services


@contextmanager
def _held(lease: Lease, warehouse: Warehouse) -> Iterator[None]:
    with lease.kept():
        warehouse.may_write = lease.may_write
        try:
            yield
        finally:
            warehouse.settle()


@contextmanager
def running(
    settings: Settings,
    warehouse: Warehouse,
    *,
    generation: int,
    clock: Clock,
    may_write: Callable[[], bool] = _always,
) -> Iterator[Services]:
    """Start counting into `warehouse`, which the caller holds open and for writing alone; stop on the way out."""
    catalog = CatalogStore(warehouse)
    rulebook = Rulebook(catalog)
    keys = KeyRing(StoredKeys(catalog))
    keys.refresh(clock.now())
    budgets = EmbeddedBudgets(
        warehouse, warehouse, clock=clock, declared=lambda org: CatalogSnapshot(org, *catalog.current(org))
    )
    runtime = EmbeddedRuntime(
        ledger=budgets,
        clock=clock,
        rules=rulebook.rules,
        generation=generation,
        limits=queue_limits(settings),
        memory=Memory(ids=settings.ledger.dedupe_ids, horizon=settings.ledger.dedupe_horizon),
        may_write=may_write,
    )
    metrics = Metrics(CollectorRegistry(), version())
    metrics.price_list_age.set_function(
        lambda: list_age_seconds(rulebook.rules(settings.org).book.prices, clock.now()) or math.nan
    )
    metrics.watch_runtime(lambda: asdict(runtime.stats()))

    rebuilds = DayRebuilds(warehouse, lambda org: days_follow(warehouse, org))
    rebuilds.resume(organisations(warehouse))

    def reload(org: str) -> None:
        now = rulebook.refresh(org)
        runtime.set_rules({org: now})
        budgets.declare(org)
        if not days_follow(warehouse, org):
            with runtime.between_blocks():  # no block of the earlier zone comes after this
                pass
            if not rebuilds.follow(org):
                _log.info("days_are_rebuilt_beside_intake", org=org, zone=now.zone.key)

    def writer_runs() -> None:
        if not runtime.alive:
            raise NotReady("the writer ended and nothing can be counted; its fault is in the log, start again")
        if not may_write():
            raise NotReady("another server writes to the store, or the store does not answer; stop one of the two")
        if runtime.stats().unsettled:
            raise NotReady("a block waits for the store; intake goes on once it is stored")

    try:
        yield Services(
            settings=settings,
            clock=clock,
            warehouse=warehouse,
            reader=warehouse.reader(read_limits(settings)),
            catalog=catalog,
            publisher=runtime,
            budgets=budgets,
            rules=rulebook.rules,
            reload=reload,
            keys=keys,
            metrics=metrics,
            checks={
                "store": lambda: _answers(warehouse),
                "migrations": lambda: _up_to_date(warehouse),
                "writer": writer_runs,
            },
        )
    finally:
        rebuilds.stop()
        if not runtime.stop(settings.intake.stop_seconds):
            _log.error("stopped_with_events_unwritten", fix="their senders were told to send them again")


def serve(settings: Settings, *, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `announce` receives the URL once requests are answered.

    Raises `StartError`, `DataDirectoryError` or `StoreError` when that cannot begin.
    """
    stopping = threading.Event()
    with closing(listen(settings.http)) as listener, embedded(settings) as services:
        url = url_of(listener)
        warming = Warming(lambda: _warm_up(services, app))
        started = {"rules": warming.check, "server": lambda: _not_stopping(stopping)}
        app = create_app(replace(services, checks={**services.checks, **started}))
        server = Server(app, settings.http, listener, stopping)
        server.when_listening(lambda: announce(url))
        server.when_listening(warming.start)
        _log.info("serving", url=url, store=masked(settings.dsn), org=settings.org)
        try:
            server.serve_until_stopped()
        finally:
            warming.stop()
        _log.info("stopping")


def _warm_up(services: Services, app: FastAPI) -> None:
    org = services.settings.org
    rehearse(org, services.rules(org), now=services.clock.now())
    app.openapi()


def queue_limits(settings: Settings) -> QueueLimits:
    """Return what may wait in memory, as the runtime takes it."""
    intake = settings.intake
    return QueueLimits(events=intake.queue_events, group_events=intake.group_events, linger=intake.linger_ms / 1000)


def read_limits(settings: Settings) -> ReadLimits:
    """Return what one question may take, as the warehouse takes it."""
    query = settings.query
    return ReadLimits(seconds=query.seconds, stream_seconds=query.download_seconds, nbytes=query.memory_bytes)


def _answers(warehouse: Warehouse) -> None:
    warehouse.query("SELECT 1 AS one")


def _up_to_date(warehouse: Warehouse) -> None:
    pending = warehouse.pending_migrations()
    if pending:
        raise NotReady(f"migrations are pending: {', '.join(pending)}; run outlay migrate")


def _not_stopping(stopping: threading.Event) -> None:
    if stopping.is_set():
        raise NotReady("the server is stopping")
