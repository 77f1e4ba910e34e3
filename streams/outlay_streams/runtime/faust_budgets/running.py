"""A budgets worker as a process, put together from settings: app, books, catalogs, health and metrics."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, closing
from dataclasses import dataclass
from time import monotonic
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from outlay_infra.errors import StoreError
from outlay_infra.interpreter import collecting_seldom
from outlay_infra.kafka.client import cluster_topics, consumer_config, faust_broker
from outlay_infra.kafka.groups import Progress as Places
from outlay_infra.kafka.topic_admin import TopicAdmin
from outlay_infra.settings import Settings
from outlay_infra.warehouse import Warehouse
from outlay_schemas.catalog import Catalog
from outlay_streams.catalog.rules import CatalogSnapshot
from outlay_streams.runtime.faust_budgets.app import AppOptions, BudgetsApp
from outlay_streams.runtime.faust_budgets.beside import Beside
from outlay_streams.runtime.faust_budgets.cells_log import CellsTopic
from outlay_streams.runtime.faust_budgets.errors import Unbudgetable, Unstoppable
from outlay_streams.runtime.faust_budgets.health import Health
from outlay_streams.runtime.faust_budgets.metrics import BudgetsMetrics
from outlay_streams.runtime.faust_budgets.quiet import quieter
from outlay_streams.runtime.faust_budgets.worker import Worker
from outlay_streams.runtime.kafka_meter.catalogs import Catalogs
from outlay_streams.runtime.kafka_meter.store import LazyStore
from outlay_streams.runtime.monitor import Progress, monitored

GROUP = "budgets"

_TICK_SECONDS = 0.1
_LOOK_SECONDS = 5.0
_STOP_SECONDS = 10.0
"""How long the brokers are waited for at the end."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What is there before the brokers are asked for anything."""

    settings: Settings
    stop: threading.Event
    store: LazyStore
    catalogs: Catalogs
    metrics: BudgetsMetrics
    progress: Progress
    health: Health
    reading: threading.Event


def run_budgets(settings: Settings, stop: threading.Event, *, announce: Callable[[str], None] | None = None) -> None:
    """Keep budgets until `stop` is set: what was read is kept and acknowledged, and the group left.

    `announce` is told where health and metrics are. Raises `BudgetsError` or `BrokerError` when it cannot go on; it may
    be started again at once. After `Unstoppable` threads are left, so end the process by force.
    """
    cells = cluster_topics(settings.kafka).spend_cells
    metrics = BudgetsMetrics(CollectorRegistry())
    with ExitStack() as stack:
        store = stack.enter_context(
            closing(LazyStore(lambda: Warehouse.open(settings.dsn, database=settings.database)))
        )
        parts = _Parts(
            settings=settings,
            stop=stop,
            store=store,
            catalogs=Catalogs(store, settings.data / GROUP),
            metrics=metrics,
            progress=Progress(),
            health=Health(Places(settings.kafka), metrics, group=GROUP, topic=cells.name, partitions=cells.partitions),
            reading=threading.Event(),
        )
        url = stack.enter_context(
            monitored(
                settings.monitor,
                metrics.registry,
                live={"progress": parts.progress.stalled, "commits": parts.health.stuck},
                ready={"catalogs": lambda: _no_catalogs(parts), "partitions": lambda: _no_partitions(parts)},
            )
        )
        _log.info("monitored", url=url)
        if announce is not None:
            announce(url)
        stack.enter_context(quieter())
        if _catalogs_known(parts):
            TopicAdmin(settings.kafka).check()
            log = CellsTopic(consumer_config(settings.kafka, f"{GROUP}.log"), cells.name)
            with collecting_seldom():
                _run(_live(parts, log))
    _log.info("stopped")


def _run(living: Coroutine[Any, Any, None]) -> None:
    """Run to the end, as `asyncio.run` does, except that it does not wait for what cannot be stopped."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(living)
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def _catalogs_known(parts: _Parts) -> bool:
    """Return once catalogs are known, asking the store for them, or False when told to stop before."""
    catalogs, metrics = parts.catalogs, parts.metrics
    metrics.catalog_age.set_function(lambda: monotonic() - catalogs.refreshed if catalogs.refreshed else math.nan)
    while not parts.stop.is_set():
        parts.progress.turn()
        try:
            catalogs.refresh()
        except StoreError as error:
            _log.warning("store_away", error=str(error), effect="goes on by the last catalogs known, if any")
        if catalogs.known:
            return True
        parts.stop.wait(parts.settings.budgets.catalog_seconds)
    return False


def _no_catalogs(parts: _Parts) -> str | None:
    return None if parts.catalogs.known else "no catalog is known yet: the store does not answer"


def _no_partitions(parts: _Parts) -> str | None:
    return None if parts.reading.is_set() else "the group has not given it partitions yet"


async def _live(parts: _Parts, log: CellsTopic) -> None:
    settings, own, snapshots = parts.settings, parts.settings.budgets, parts.catalogs.snapshots

    def catalog_of(org: str) -> CatalogSnapshot:
        return snapshots().get(org) or CatalogSnapshot(org, 0, Catalog())

    worker = Worker(
        log,
        catalog_of=catalog_of,
        orgs=lambda: [org for org, one in snapshots().items() if one.catalog.budgets],
        metrics=parts.metrics,
        reading=parts.reading,
        stand_seconds=own.session_seconds,
    )
    options = AppOptions(
        group=settings.kafka.prefix + GROUP,
        instance=own.instance,
        topics=cluster_topics(settings.kafka),
        broker=faust_broker(settings.kafka),
        folder=settings.data / GROUP,
        store=own.store,
        message_bytes=settings.kafka.max_message_bytes,
        session_seconds=own.session_seconds,
    )
    worker.outlet = app = BudgetsApp(options, worker)
    beside = Beside(worker, parts.catalogs, parts.store)
    working = [
        asyncio.create_task(each)
        for each in (
            worker.run(
                publish_seconds=own.publish_ms / 1000, keep_seconds=own.keep_ms / 1000, turned=parts.progress.turn
            ),
            beside.run(own.catalog_seconds),
            _looking(parts, worker),
            _until_told(parts, app),
        )
    ]
    try:
        await app.start()
        _log.info("budgeting", group=options.group, brokers=settings.kafka.bootstrap)
        done, _ = await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        _log.info("stopping")
        await _bounded(worker.keep())
    finally:
        await _bounded(app.stop())
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)


async def _bounded(ending: Coroutine[Any, Any, None]) -> None:
    """Await what needs the brokers, but not for ever. Raises `Unstoppable`, leaving it behind."""
    task = asyncio.ensure_future(ending)
    await asyncio.wait([task], timeout=_STOP_SECONDS)
    if not task.done():
        raise Unstoppable(f"what is under way did not end in {_STOP_SECONDS:g} s; what was not kept is read again")
    task.result()


async def _looking(parts: _Parts, worker: Worker) -> None:
    while True:
        await asyncio.to_thread(parts.health.look, worker.partitions)
        await asyncio.sleep(_LOOK_SECONDS)


async def _until_told(parts: _Parts, app: BudgetsApp) -> None:
    """Return when told to stop; raise when the app ended by itself."""
    while not parts.stop.is_set():
        if (reason := app.failure()) is not None:
            raise Unbudgetable(f"the budgets worker cannot go on: {reason!r}; start it again") from reason
        await asyncio.sleep(_TICK_SECONDS)
