"""Every metric of a meter, each with its meaning."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector

from outlay_schemas.block import Block

OUTCOMES: Final = ("counted", "duplicate", "conflict", "rejected")
STAGES: Final = ("gather", "decode", "meter", "commit", "cells", "rebuild")


class MeterMetrics:
    """The metrics of one meter on one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Create every series whose labels are known, so that rates start at 0."""
        self.registry = registry
        ProcessCollector(registry=registry)
        self.events = Counter(
            "outlay_meter_events_total",
            "Events metered, by what became of them. Only counted ones add to the ledger.",
            ["outcome"],
            registry=registry,
        )
        self.seconds = Counter(
            "outlay_meter_stage_seconds_total", "Time spent, by stage.", ["stage"], registry=registry
        )
        for outcome in OUTCOMES:
            self.events.labels(outcome)
        for stage in STAGES:
            self.seconds.labels(stage)
        self.unpriced = Counter(
            "outlay_meter_events_unpriced_total", "Events counted whose amount is unknown.", registry=registry
        )
        self.deferred = Counter(
            "outlay_meter_events_deferred_total",
            "Events older than memory, passed to the late lane.",
            registry=registry,
        )
        self.blocks = Counter("outlay_meter_blocks_total", "Blocks committed.", registry=registry)
        self.block_bytes = Counter(
            "outlay_meter_block_bytes_total", "Bytes of the blocks committed.", registry=registry
        )
        self.transactions = Counter(
            "outlay_meter_transactions_total", "Transactions, by how they ended.", ["end"], registry=registry
        )
        for end in ("committed", "aborted"):
            self.transactions.labels(end)
        self.lag = Gauge("outlay_meter_lag_records", "Records not yet read.", ["topic", "partition"], registry=registry)
        self.late_waiting = Gauge(
            "outlay_meter_late_waiting_events", "Late events that wait for the store or the loader.", registry=registry
        )
        self.partitions = Gauge("outlay_meter_partitions", "Partitions of this meter.", registry=registry)
        self.ids = Gauge("outlay_meter_dedupe_ids", "Event ids kept in memory.", registry=registry)
        self.id_bytes = Gauge("outlay_meter_dedupe_bytes", "Bytes they take.", registry=registry)
        self.catalog_age = Gauge(
            "outlay_meter_catalog_age_seconds", "Seconds since the store last told of its catalogs.", registry=registry
        )

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Count the time of a stage."""
        began = perf_counter()
        try:
            yield
        finally:
            self.seconds.labels(stage).inc(perf_counter() - began)

    def count(self, block: Block, nbytes: int) -> None:
        """Count a committed block."""
        self.blocks.inc()
        self.block_bytes.inc(nbytes)
        receipts = block.receipts
        for outcome in OUTCOMES:
            self.events.labels(outcome).inc(sum(receipts[outcome].to_pylist()))
        self.unpriced.inc(block.entries["amount"].null_count)

    def forget_lags(self) -> None:
        """Show no lag of partitions that are no longer this meter's."""
        self.lag.clear()
