"""Starting, stopping, health, and who may write."""

from __future__ import annotations

from outlay_infra.kafka.errors import BrokerError
from outlay_streams.runtime.kafka_meter import Fenced
from tests.support.meter_topics import MeterTopics, entries, outcomes


def test_health_and_metrics_tell_what_goes_on(meter_topics: MeterTopics) -> None:
    meter_topics.send({"id": "a"}, {"id": "b", "model": "no-such-model"}, b"poison")
    with meter_topics.metering() as meter:
        meter_topics.blocks(events=3)
        meter_topics.await_that(lambda: meter.page("readyz")[0] == 200)
        meter_topics.await_that(lambda: "outlay_meter_dedupe_ids 2.0" in meter.page("metrics")[1])
        status, metrics = meter.page("metrics")
        assert meter.page("livez") == (200, '{"status": "ok", "failing": {}}')
        assert meter.page("elsewhere")[0] == 404
    assert status == 200
    for line in (
        'outlay_meter_events_total{outcome="counted"} 2.0',
        'outlay_meter_events_total{outcome="rejected"} 1.0',
        "outlay_meter_events_unpriced_total 1.0",
        "outlay_meter_partitions 2.0",
        f'outlay_meter_lag_records{{partition="0",topic="{meter_topics.topics.usage.name}"}} 0.0',
    ):
        assert line in metrics


def test_a_named_meter_takes_over_from_another_of_its_name(meter_topics: MeterTopics) -> None:
    settings = meter_topics.settings(meter={"instance": "m-0"})
    meter_topics.send({"id": "a"})
    with meter_topics.metering(settings=settings) as first:
        meter_topics.blocks(events=1)
        with meter_topics.metering(settings=settings):
            meter_topics.send({"id": "a"}, {"id": "b"})
            blocks = meter_topics.blocks(events=3)
            assert isinstance(first.ended(), Fenced)
    assert sorted(entries(blocks)["id"].to_pylist()) == ["a", "b"]


def test_a_meter_without_topics_says_what_to_run(meter_topics: MeterTopics) -> None:
    kafka = meter_topics.kafka.model_copy(update={"prefix": f"{meter_topics.kafka.prefix}none."})
    settings = meter_topics.settings().model_copy(update={"kafka": kafka})
    with meter_topics.metering(settings=settings) as meter:
        error = meter.ended()
    assert isinstance(error, BrokerError)
    assert "outlay topics apply" in str(error)


def test_two_meters_share_the_partitions_and_hand_them_over(meter_topics: MeterTopics) -> None:
    total = 0
    with meter_topics.metering() as stays:
        for number in range(40):
            if number == 10:
                leaves = meter_topics.metering()
                second = leaves.__enter__()
            if number == 30:
                leaves.__exit__(None, None, None)
            if number == 20:
                for one in (stays, second):
                    meter_topics.await_that(lambda one=one: "outlay_meter_partitions 1.0" in one.page("metrics")[1])
            for partition in (0, 1):
                events = [{"id": f"{partition}-{n}"} for n in range(number * 5, number * 5 + 5)]
                meter_topics.send(*events, partition=partition)
                total += len(events)
        blocks = meter_topics.blocks(events=total)
    assert outcomes(blocks) == {"counted": total}
    names = entries(blocks)["id"].to_pylist()
    assert len(set(names)) == len(names) == total
