"""Every event is counted once: repeats, conflicts and what is no event are told apart, and nothing is lost."""

from __future__ import annotations

from tests.support.meter_topics import MeterTopics, entries, outcomes, summed


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
