"""Every metric Outlay exports, each with its meaning. The registry is given, so nothing is process-wide.

Labels are bounded: outcomes, routes, status classes and reasons; never a user, key, team or request.
"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector

from outlay_schemas.outcome import Verdict

_DURABLE = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_ANSWER = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The metrics of one process on one registry."""

    def __init__(self, registry: CollectorRegistry, version: str) -> None:
        """Create every series whose labels are known, so that rates start at 0."""
        self.registry = registry
        ProcessCollector(registry=registry)
        Info("outlay_build", "What is running.", registry=registry).info({"version": version})
        self.events_received = Counter(
            "outlay_events_received_total",
            "Events answered, by what became of them. Only accepted ones add to the ledger.",
            ["outcome"],
            registry=registry,
        )
        for verdict in Verdict:
            self.events_received.labels(verdict.value)
        self.events_unpriced = Counter(
            "outlay_events_unpriced_total",
            "Events counted whose amount is unknown, because no price covers them.",
            registry=registry,
        )
        self.ingest_duration = Histogram(
            "outlay_ingest_duration_seconds",
            "From the first byte of an intake request to its durable answer.",
            buckets=_DURABLE,
            registry=registry,
        )
        self.ingest_refused = Counter(
            "outlay_ingest_refused_total",
            "Intake requests refused whole, with none of their events taken in, by the problem's type.",
            ["problem"],
            registry=registry,
        )
        for kind in ("busy", "stopping", "not-counted", "store-unavailable"):
            self.ingest_refused.labels(kind)
        self.queue_events = Gauge("outlay_queue_events", "Events waiting to be committed.", registry=registry)
        self.price_list_age = Gauge(
            "outlay_price_list_age_seconds", "Age of the list prices in use, in seconds.", registry=registry
        )
        self.http_requests = Counter(
            "outlay_http_requests_total",
            "Requests answered, by route template and status class.",
            ["method", "route", "status"],
            registry=registry,
        )
        self.http_duration = Histogram(
            "outlay_http_request_duration_seconds",
            "From the first byte of a request to the last of its answer, by route template.",
            ["route"],
            buckets=_ANSWER,
            registry=registry,
        )

    def watch(self, gauge: Gauge, value: Callable[[], float]) -> None:
        """Read `gauge` from `value` whenever metrics are collected."""
        gauge.set_function(value)
