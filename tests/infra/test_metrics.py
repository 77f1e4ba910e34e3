"""Metrics: names, meanings and bounded labels."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from outlay_infra.metrics import Metrics

BOUNDED = {"outcome", "problem", "method", "route", "status", "version", "le"}


def test_known_series_start_at_zero_and_every_metric_says_what_it_means() -> None:
    registry = CollectorRegistry()
    Metrics(registry, "1.2.3")
    text = generate_latest(registry).decode()
    assert 'outlay_build_info{version="1.2.3"} 1.0' in text
    for outcome in ("accepted", "duplicate", "conflict", "rejected"):
        assert f'outlay_events_received_total{{outcome="{outcome}"}} 0.0' in text
    for family in registry.collect():
        assert family.documentation
        assert {label for sample in family.samples for label in sample.labels} <= BOUNDED


def test_two_registries_do_not_share_counts() -> None:
    first, second = CollectorRegistry(), CollectorRegistry()
    Metrics(first, "1").events_unpriced.inc()
    Metrics(second, "1")
    assert second.get_sample_value("outlay_events_unpriced_total") == 0


def test_a_gauge_reads_its_value_when_collected() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry, "1")
    waiting = [1.0]
    metrics.watch(metrics.queue_events, lambda: waiting[0])
    waiting[0] = 7.0
    assert registry.get_sample_value("outlay_queue_events") == 7.0
