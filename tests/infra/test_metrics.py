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
    Metrics(first, "1").ingest_refused.labels("busy").inc()
    Metrics(second, "1")
    assert second.get_sample_value("outlay_ingest_refused_total", {"problem": "busy"}) == 0


def test_the_runtime_is_read_when_metrics_are_collected() -> None:
    registry = CollectorRegistry()
    waiting = dict.fromkeys(
        ("queued_events", "blocks", "failed_groups", "counted", "unpriced", "looked_up", "remembered_ids"), 1
    )
    Metrics(registry, "1").watch_runtime(lambda: {**waiting, "writing_seconds": 2.5, "unsettled": True})
    waiting["queued_events"] = 7
    waiting["unpriced"] = 3
    assert registry.get_sample_value("outlay_queue_events") == 7
    assert registry.get_sample_value("outlay_events_unpriced_total") == 3
    assert registry.get_sample_value("outlay_block_writing_seconds_total") == 2.5
    assert registry.get_sample_value("outlay_block_unsettled") == 1
