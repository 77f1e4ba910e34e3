"""The loader as a process runs it: settings in, until told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog
from prometheus_client import CollectorRegistry

from outlay_infra.kafka import cluster_topics, consumer_config
from outlay_infra.settings import Settings, masked
from outlay_infra.warehouse import Warehouse
from outlay_infra.warehouse.loading import LoaderStore
from outlay_streams.runtime.loader.line import Bounds
from outlay_streams.runtime.loader.loader import Loader, LoaderOptions
from outlay_streams.runtime.loader.metrics import LoaderMetrics
from outlay_streams.runtime.monitor import Progress, monitored

GROUP = "loader"

_log = structlog.get_logger()


def run_loader(
    settings: Settings,
    stop: threading.Event,
    *,
    registry: CollectorRegistry | None = None,
    announce: Callable[[str], None] = lambda _url: None,
) -> None:
    """Load until `stop` is set; `announce` receives the URL of health and metrics. Raises `BrokerError`, `OSError`.

    A store that is away is waited for, from the start on.
    """
    topics = cluster_topics(settings.kafka)
    loader_settings = settings.loader
    registry = registry or CollectorRegistry()
    progress = Progress()
    store = LoaderStore(lambda: Warehouse.open(settings.dsn, database=settings.database))
    session = int(loader_settings.session_seconds * 1000)
    config = consumer_config(
        settings.kafka,
        GROUP,
        client_id=f"outlay-{GROUP}",
        session_timeout_ms=session,
        heartbeat_interval_ms=session // 4,
    )
    parallel = loader_settings.parallel
    with ThreadPoolExecutor(parallel + 1, thread_name_prefix=GROUP) as workers:
        try:
            loader = Loader(
                LoaderOptions(
                    spend=topics.spend.name,
                    rejected=topics.usage_rejected.name,
                    parallel=parallel,
                    bounds=Bounds(blocks=loader_settings.group_blocks),
                ),
                config,
                store=store,
                workers=workers,
                metrics=LoaderMetrics(registry),
                turned=progress.turn,
            )
            live, ready = {"progress": progress.stalled}, {"loading": loader.not_ready}
            with monitored(settings.monitor, registry, live=live, ready=ready) as url:
                _log.info("loading", topic=topics.spend.name, store=masked(settings.dsn), monitor=url)
                announce(url)
                loader.run(stop)
        finally:
            store.close()
    _log.info("stopped")
