"""Every event is counted once: repeats, conflicts and what is no event are told apart, and nothing is lost."""

from __future__ import annotations

import json
import random
from datetime import timedelta

from outlay_schemas.codec import encode_confluent
from outlay_schemas.topics import BlockHeader, RejectHeader
from outlay_schemas.usage import UsageEvent
from outlay_streams.wire import decode_prices
from tests.support.events import event
from tests.support.meter_topics import ORG, MeterTopics, encoded, entries, now, outcomes, summed

MOMENT = now() - timedelta(minutes=5)
WHEN = MOMENT.isoformat()


def test_events_become_entries_and_cells(meter_topics: MeterTopics) -> None:
    meter_topics.send({"id": "a", "team": "search"}, {"id": "b"})
    meter_topics.send({"id": "c"}, partition=1)
    with meter_topics.metering():
        blocks = meter_topics.blocks(events=3)
    assert outcomes(blocks) == {"counted": 3}
    assert {(block.partition, row["id"]) for block in blocks for row in block.entries.to_pylist()} == {
        ("spend/0", "a"),
        ("spend/0", "b"),
        ("spend/1", "c"),
    }
    counted = entries(blocks)
    assert set(counted["status"].to_pylist()) == {"priced"}
    assert summed(meter_topics.cells()) == {"entries": 3, "amount": sum(counted["amount"].to_pylist())}


def test_repeats_and_conflicts_count_once_within_and_across_batches_and_processes(meter_topics: MeterTopics) -> None:
    first, other = {"id": "a", "time": WHEN}, {"id": "a", "time": WHEN, "model": "gpt-5"}
    meter_topics.send(first, first, other, {"id": "b", "time": WHEN})
    with meter_topics.metering():
        meter_topics.blocks(events=4)
        meter_topics.send(first, other)
        meter_topics.blocks(events=6)
    meter_topics.send(first, other, {"id": "b", "time": WHEN}, {"id": "c", "time": WHEN})
    with meter_topics.metering():
        blocks = meter_topics.blocks(events=10)
    assert outcomes(blocks) == {"counted": 3, "duplicate": 4, "conflict": 3}
    assert sorted(entries(blocks)["id"].to_pylist()) == ["a", "b", "c"]
    assert set(entries(blocks)["model"].to_pylist()) == {"gpt-5-mini"}
    assert summed(meter_topics.cells())["entries"] == 3


def test_refused_records_keep_their_bytes_and_say_where_they_were(meter_topics: MeterTopics) -> None:
    good, poison = encoded({"id": "a", "time": WHEN}), b"\x00\x00\x00\x00\x07no event"
    conflict = encoded({"id": "a", "time": WHEN, "model": "gpt-5"})
    meter_topics.send(good, poison, conflict, encode_confluent(UsageEvent.model_validate(event()), 7), b"")
    with meter_topics.metering():
        blocks = meter_topics.blocks(events=5)
    assert outcomes(blocks) == {"counted": 1, "conflict": 1, "rejected": 3}
    rejected = meter_topics.read(meter_topics.topics.usage_rejected)
    by_offset = {dict(one.headers())[RejectHeader.OFFSET]: one for one in rejected}
    assert {offset: one.value() for offset, one in by_offset.items()} == {
        b"1": poison,
        b"2": conflict,
        b"3": encode_confluent(UsageEvent.model_validate(event()), 7),
        b"4": b"",
    }
    told = dict(by_offset[b"1"].headers())
    assert told[RejectHeader.TOPIC].decode() == meter_topics.topics.usage.name
    assert told[RejectHeader.PARTITION] == b"0"
    assert told[RejectHeader.ORG] == ORG.encode()
    assert b"schema id 7" in told[RejectHeader.REASON]
    assert dict(by_offset[b"2"].headers())[RejectHeader.OUTCOME] == b"conflict"


def test_an_org_is_named_by_the_record_or_by_the_settings(meter_topics: MeterTopics) -> None:
    meter_topics.send({"id": "a"}, headers=[("org", "größe".encode())])
    meter_topics.send({"id": "a"}, headers=None)
    meter_topics.send({"id": "a"}, headers=[("org", b"\xff\xfe")])
    with meter_topics.metering(settings=meter_topics.settings(org="house")):
        blocks = meter_topics.blocks(events=3)
    assert outcomes(blocks) == {"counted": 2, "rejected": 1}
    assert sorted(entries(blocks)["org"].to_pylist()) == ["größe", "house"]


def test_json_records_are_read_too(meter_topics: MeterTopics) -> None:
    meter_topics.send(json.dumps(event(id="a", time=WHEN)).encode(), {"id": "b"})
    with meter_topics.metering():
        assert outcomes(meter_topics.blocks(events=2)) == {"counted": 2}


def test_blocks_say_what_they_were_made_of_and_are_cut_to_fit_a_message(meter_topics: MeterTopics) -> None:
    kafka = meter_topics.kafka.model_copy(update={"max_message_bytes": 256 * 1024})
    dice = random.Random(7)
    fat = [{"id": f"e{number}", "time": WHEN, "trace_id": dice.randbytes(120).hex()} for number in range(3000)]
    meter_topics.send(*fat, fat[0], fat[2999])
    settings = meter_topics.settings(meter={"gather_ms": 3000}).model_copy(update={"kafka": kafka})
    with meter_topics.metering(settings=settings):
        blocks = meter_topics.blocks(events=3002)
    assert outcomes(blocks) == {"counted": 3000, "duplicate": 2}
    records = meter_topics.read(meter_topics.topics.spend)
    told = [dict(one.headers()) for one in records]
    assert len(records) > 1
    assert all(len(one.value()) <= 192 * 1024 for one in records)
    inputs = [json.loads(one[BlockHeader.INPUT]) for one in told]
    assert inputs[0]["from"] == 0
    assert [one["to"] for one in inputs[:-1]] == [one["from"] for one in inputs[1:]]
    assert inputs[-1]["to"] == 3002
    assert {one["topic"] for one in inputs} == {meter_topics.topics.usage.name}
    assert summed(meter_topics.cells())["entries"] == 3000


def test_prices_travel_with_the_first_block_they_are_used_in(meter_topics: MeterTopics) -> None:
    with meter_topics.metering():
        for number, model in enumerate(["gpt-5-mini", "gpt-5-mini", "gpt-5"], start=1):
            meter_topics.send({"id": f"e{number}", "model": model})
            blocks = meter_topics.blocks(events=number)
    carried = [decode_prices(one.value()) for one in meter_topics.read(meter_topics.topics.spend)]
    assert [one.num_rows for one in carried] == [1, 0, 1]
    used = [price for block in blocks for price in block.entries["price_id"].to_pylist()]
    assert [carried[0]["price_id"][0].as_py(), carried[2]["price_id"][0].as_py()] == [used[0], used[2]]
    assert all("rates" in body or "lines" in body for one in carried for body in one["body"].to_pylist())
