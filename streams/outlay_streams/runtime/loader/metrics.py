"""Every metric of a loader, each with its meaning."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

RESULTS: Final = ("stored", "skipped")
FAILURES: Final = ("store", "refused")
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class LoaderMetrics:
    """The metrics of one loader on one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Create every series whose labels are known, so that rates start at 0."""
        self.registry = registry
        ProcessCollector(registry=registry)
        self.blocks = Counter(
            "outlay_loader_blocks_total",
            "Blocks read, by whether they were stored or the store had them already.",
            ["result"],
            registry=registry,
        )
        for result in RESULTS:
            self.blocks.labels(result)
        self.entries = Counter("outlay_loader_entries_total", "Entries stored.", registry=registry)
        self.failures = Counter(
            "outlay_loader_failures_total",
            "Attempts that failed: `store` is away and tried again, `refused` a block that stops its partition.",
            ["kind"],
            registry=registry,
        )
        for kind in FAILURES:
            self.failures.labels(kind)
        self.seconds = Histogram(
            "outlay_loader_store_seconds",
            "From the beginning of a group of blocks to its last insert.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.visible = Histogram(
            "outlay_loader_visible_seconds",
            "From the moment a block was written to the log until it was stored.",
            buckets=(*_SECONDS, 120.0, 600.0),
            registry=registry,
        )
        self.lag = Gauge(
            "outlay_loader_lag_records",
            "Records not yet stored, control records included.",
            ["partition"],
            registry=registry,
        )
        self.partitions = Gauge("outlay_loader_partitions", "Partitions of this loader.", registry=registry)
        self.waiting = Gauge("outlay_loader_waiting_bytes", "Bytes read and not yet stored.", registry=registry)
        self.stopped = Gauge(
            "outlay_loader_stopped_partitions", "Partitions that wait behind a refused block.", registry=registry
        )
        self.away = Gauge("outlay_loader_store_away", "1 while the store does not answer, else 0.", registry=registry)
