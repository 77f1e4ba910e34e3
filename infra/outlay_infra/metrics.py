"""Every metric Outlay exports, each with its meaning. The registry is given, so nothing is process-wide.

Labels are bounded: outcomes, routes, status classes and reasons; never a user, key, team or request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

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
        for kind in ("busy", "stopping", "not-counted", "not-acknowledged", "store-unavailable"):
            self.ingest_refused.labels(kind)
        self.price_list_age = Gauge(
            "outlay_price_list_age_seconds",
            "Seconds since the newest price change in force that the price list knows.",
            registry=registry,
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

    def watch_runtime(self, read: Callable[[], Mapping[str, float]]) -> None:
        """Export what a runtime counted and what waits in it; `read` is asked whenever metrics are collected."""
        self.registry.register(_Runtime(read))

    def watch_publisher(self, read: Callable[[], Mapping[str, float]]) -> None:
        """Export what a publisher delivered and what waits in it; `read` is asked whenever metrics are collected."""
        self.registry.register(_Publisher(read))


_DELIVERED = {
    "delivered_records": ("outlay_publish_records_delivered", "Records that the brokers acknowledged."),
    "failed_records": (
        "outlay_publish_records_failed",
        "Records of batches that the brokers did not acknowledge whole; their senders were told so.",
    ),
    "replaced_producers": ("outlay_publish_producers_replaced", "Producers that failed for good and were replaced."),
}
_IN_FLIGHT = {
    "in_flight_records": ("outlay_publish_in_flight_records", "Records that wait for the brokers' acknowledgement."),
    "in_flight_bytes": ("outlay_publish_in_flight_bytes", "Bytes of them."),
    "last_seconds": ("outlay_publish_last_batch_seconds", "How long the brokers took to acknowledge the last batch."),
}
_COUNTED = {
    "counted": ("outlay_events_counted", "Events that became entries of the ledger."),
    "unpriced": ("outlay_events_unpriced", "Events counted whose amount is unknown, because no price covers them."),
    "looked_up": ("outlay_events_looked_up", "Events so old that the store was asked whether it has them."),
    "blocks": ("outlay_blocks_written", "Blocks made durable."),
    "failed_groups": ("outlay_blocks_failed", "Groups that could not be made durable; their senders were told so."),
    "writing_seconds": ("outlay_block_writing_seconds", "Time spent judging, metering and storing."),
}
_WAITING = {
    "queued_events": ("outlay_queue_events", "Events waiting to be committed."),
    "remembered_ids": ("outlay_dedupe_ids", "Event ids kept in memory."),
    "unsettled": ("outlay_block_unsettled", "1 while a block waits for the store to come back, else 0."),
}


class _Runtime(Collector):
    def __init__(self, read: Callable[[], Mapping[str, float]]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        yield from _told(self._read(), counters=_COUNTED, gauges=_WAITING)


class _Publisher(Collector):
    def __init__(self, read: Callable[[], Mapping[str, float]]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        yield from _told(self._read(), counters=_DELIVERED, gauges=_IN_FLIGHT)


_Told = Mapping[str, tuple[str, str]]


def _told(readings: Mapping[str, float], *, counters: _Told, gauges: _Told) -> Iterator[Metric]:
    for attribute, (name, meaning) in counters.items():
        yield CounterMetricFamily(name, meaning, value=float(readings[attribute]))
    for attribute, (name, meaning) in gauges.items():
        yield GaugeMetricFamily(name, meaning, value=float(readings[attribute]))
