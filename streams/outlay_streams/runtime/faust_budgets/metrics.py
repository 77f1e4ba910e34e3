"""Every metric of a budgets worker, each with its meaning."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class BudgetsMetrics:
    """The metrics of one budgets worker on one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        ProcessCollector(registry=registry)
        self.cells = Counter("outlay_budgets_cells_total", "Records of cells added to budgets.", registry=registry)
        self.states = Counter("outlay_budgets_states_total", "States published.", registry=registry)
        self.published = Histogram(
            "outlay_budgets_published_seconds",
            "From the moment cells were written until states that include them are published.",
            buckets=(*_SECONDS, 120.0, 600.0),
            registry=registry,
        )
        self.keep_seconds = Histogram(
            "outlay_budgets_keep_seconds", "Time to write the rows that changed.", buckets=_SECONDS, registry=registry
        )
        self.rows = Gauge("outlay_budgets_rows", "Budgets and teams of this worker.", registry=registry)
        self.starting = Gauge(
            "outlay_budgets_starting",
            "Budgets whose past is not added yet: it comes from the store.",
            registry=registry,
        )
        self.partitions = Gauge("outlay_budgets_partitions", "Partitions of this worker.", registry=registry)
        self.lag = Gauge(
            "outlay_budgets_lag_records", "Cells not yet kept and committed.", ["partition"], registry=registry
        )
        self.catalog_age = Gauge(
            "outlay_budgets_catalog_age_seconds",
            "Seconds since the store last told of its catalogs.",
            registry=registry,
        )
