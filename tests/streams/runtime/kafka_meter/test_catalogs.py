"""Rules change while a meter runs, and outlive the store's absence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from outlay_infra.errors import StoreUnavailable
from outlay_streams.runtime.kafka_meter.catalogs import Catalogs
from tests.support.meter_topics import ORG, MemoryStore, MeterTopics, entries

AWAY = StoreUnavailable("the store is away")


def rule(team: str) -> dict[str, Any]:
    return {"teams": [{"id": team}], "rules": [{"id": "all", "match": {}, "set": {"team": team}}]}


def versions(topics: MeterTopics, count: int) -> dict[str, tuple[str, int]]:
    rows = entries(topics.blocks(events=count)).to_pylist()
    return {row["id"]: (row["team"], row["catalog_version"]) for row in rows}


def test_a_change_counts_from_the_next_block(meter_topics: MeterTopics) -> None:
    meter_topics.store.apply(ORG, **rule("search"))
    meter_topics.send({"id": "a"})
    with meter_topics.metering():
        assert versions(meter_topics, 1) == {"a": ("search", 1)}
        meter_topics.store.apply(ORG, **rule("ads"))
        meter_topics.await_that(lambda: "ads" in (meter_topics.data / "meter" / "catalogs.json").read_text())
        meter_topics.send({"id": "b"})
        assert versions(meter_topics, 2) == {"a": ("search", 1), "b": ("ads", 2)}


def test_a_meter_starts_and_runs_by_the_last_catalog_while_the_store_is_away(meter_topics: MeterTopics) -> None:
    meter_topics.store.apply(ORG, **rule("search"))
    meter_topics.send({"id": "a"})
    with meter_topics.metering():
        meter_topics.blocks(events=1)
        meter_topics.store.failure = AWAY
        meter_topics.send({"id": "b"})
        meter_topics.blocks(events=2)
    meter_topics.send({"id": "c"})
    with meter_topics.metering():
        assert set(versions(meter_topics, 3).values()) == {("search", 1)}


def test_a_meter_that_never_knew_a_catalog_waits_for_the_store(meter_topics: MeterTopics) -> None:
    meter_topics.store.apply(ORG, **rule("search"))
    meter_topics.store.failure = AWAY
    meter_topics.send({"id": "a"})
    with meter_topics.metering() as meter:
        meter_topics.await_that(lambda: "no catalog is known yet" in meter.page("readyz")[1])
        assert meter.page("livez")[0] == 200
        assert meter_topics.blocks() == []
        meter_topics.store.failure = None
        assert versions(meter_topics, 1) == {"a": ("search", 1)}


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def test_what_is_saved_is_read_back_whole(store: MemoryStore, tmp_path: Path) -> None:
    store.apply(
        ORG,
        organisation={"reporting_zone": "Asia/Kolkata"},
        prices=[{"id": "p", "sku": {"provider": "x"}, "discount": "12.50", "rates": {"seats": "0.000000000001"}}],
        **rule("search"),
    )
    Catalogs(store, tmp_path).refresh()
    again = Catalogs(store, tmp_path)
    assert again.known
    assert again._held[ORG].catalog == store.catalogs[ORG][0]
    assert again.rules(ORG).zone.key == "Asia/Kolkata"
    assert again.refresh() == []


def test_an_org_without_a_catalog_has_the_empty_one(store: MemoryStore, tmp_path: Path) -> None:
    catalogs = Catalogs(store, tmp_path)
    assert not catalogs.known
    assert catalogs.refresh() == []
    assert (catalogs.known, catalogs.rules("anyone").version) == (True, 0)
    assert Catalogs(store, tmp_path).known


def test_saved_catalogs_that_cannot_be_read_are_asked_for_again(store: MemoryStore, tmp_path: Path) -> None:
    (tmp_path / "catalogs.json").write_text('{"acme": {"version": 1, "cat')
    assert not Catalogs(store, tmp_path).known
