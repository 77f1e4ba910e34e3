"""Too much that is no event stops the line, where it stands, instead of emptying it into `rejected`."""

from __future__ import annotations

import pytest

from outlay_streams.runtime.kafka_meter import Poisoned
from outlay_streams.runtime.kafka_meter.poison import PoisonBound, PoisonWatch
from tests.support.meter_topics import MeterTopics, outcomes

POISON = b"\xff\xffnothing"


def watch(run: int = 3, percent: int = 50) -> PoisonWatch:
    return PoisonWatch(PoisonBound(run=run, percent=percent), "usage/0")


def test_refused_records_in_a_row_are_counted_across_batches() -> None:
    one = watch()
    one.see(4, [2, 3])
    with pytest.raises(Poisoned, match="usage/0: 3 records in a row"):
        one.see(5, [0, 4])


def test_one_good_record_breaks_a_row() -> None:
    one = watch()
    for _ in range(50):
        one.see(6, [0, 2])
    one.see(3, [0, 1])
    one.see(1, [])
    one.see(2, [0, 1])


def test_a_large_share_of_refused_records_is_too_much_without_a_row() -> None:
    one = watch()
    one.see(20, range(0, 20, 2))
    with pytest.raises(Poisoned, match="26 of 52 records"):
        one.see(32, range(0, 32, 2))


def test_a_bound_of_nothing_never_stops() -> None:
    watch(run=0).see(1000, range(1000))


def test_the_line_stops_with_its_offsets_where_they_were(meter_topics: MeterTopics) -> None:
    settings = meter_topics.settings(meter={"poison_run": 20})
    meter_topics.send({"id": "a"}, POISON)
    with meter_topics.metering(settings=settings):
        meter_topics.blocks(events=2)
    meter_topics.send(*[POISON] * 20, {"id": "b"})
    with meter_topics.metering(settings=settings) as meter:
        error = meter.ended()
    assert isinstance(error, Poisoned)
    assert "usage/0: 20 records in a row" in str(error)
    assert outcomes(meter_topics.blocks()) == {"counted": 1, "rejected": 1}
    assert len(meter_topics.read(meter_topics.topics.usage_rejected)) == 1
    with meter_topics.metering(settings=meter_topics.settings(meter={"poison_run": 0})):
        assert outcomes(meter_topics.blocks(events=23)) == {"counted": 2, "rejected": 21}
