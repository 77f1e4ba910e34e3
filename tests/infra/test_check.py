"""A check finds what differs from the ledger, a repair mends it, and neither touches what retention left."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from outlay_infra.errors import QueryError, StoreError, StoreUnavailable
from outlay_infra.warehouse import Warehouse, retention
from outlay_infra.warehouse.rollups import ROLLUPS, STATES
from outlay_schemas.block import Block
from tests import builders

LOCAL = {"acme": "Asia/Kolkata", "globex": "America/New_York"}
JULY = datetime(2026, 7, 31, 20, 0, tzinfo=UTC)


def declare(warehouse: Warehouse, version: int, **zones: str) -> None:
    """Write the reporting zone of each organisation into the catalog."""
    rows = [
        {
            "org": org,
            "version": version,
            "kind": "organisation",
            "id": org,
            "body": json.dumps({"reporting_zone": zone}),
            "deleted": False,
            "actor": "test",
            "at": builders.NOON,
        }
        for org, zone in zones.items()
    ]
    schema = pa.schema(
        [
            *((name, pa.string()) for name in ("org", "kind", "id", "body", "actor")),
            ("version", pa.uint32()),
            ("deleted", pa.bool_()),
            ("at", pa.timestamp("ms", "UTC")),
        ]
    )
    warehouse.insert("catalog", pa.Table.from_pylist(rows, schema))


@pytest.fixture
def filled(warehouse: Warehouse) -> Warehouse:
    """Three blocks of two organisations over two months, in local days."""
    declare(warehouse, 1, **LOCAL)
    for offset, moment in enumerate([builders.NOON, JULY, JULY + timedelta(hours=6)], start=1):
        rows = builders.entries(
            {
                "id": f"a{offset}",
                "amount": "1.5",
                "tags": {"tier": "gold", "squad": "x"},
                "user": "ann",
                "latency_ms": 64,
            },
            {"id": f"b{offset}", "amount": "0.25", "user": "bob", "team": "search", "latency_ms": 1_000, "ttft_ms": 3},
            {"id": f"c{offset}", "amount": None, "status": "unpriced", "org": "globex", "input_tokens": 10},
            time=moment,
            received=moment + timedelta(seconds=2),
        )
        block = builders.block(
            rows, offset=offset, zones=LOCAL, duplicates=offset, rejects=[{"id": "r"}], received=moment
        )
        warehouse.insert_block(block)
    return warehouse


def test_blocks_as_written_differ_nowhere(filled: Warehouse) -> None:
    assert filled.check() == []


@pytest.mark.parametrize("table", ["cells", "days", "tag_days"])
def test_a_wrong_amount_is_told_by_key_and_mended(filled: Warehouse, table: str) -> None:
    filled.command(
        f"INSERT INTO {table} SELECT * REPLACE (toDecimal128(7, 12) AS amount) FROM {table} WHERE org = 'acme' LIMIT 1"
    )

    found = filled.check()

    assert {difference.table for difference in found} == {table}
    amount = next(difference for difference in found if difference.measure == "amount")
    assert amount.found - amount.expected == Decimal(7)
    assert amount.key["org"] == "acme"
    filled.repair(table, amount.partition)
    assert filled.check() == []


@pytest.mark.parametrize("table", sorted(ROLLUPS))
def test_a_lost_partition_is_found_and_rebuilt(filled: Warehouse, table: str) -> None:
    filled.catch_up()
    before = contents(filled, table)
    partition = filled.query(
        "SELECT max(partition) AS name FROM system.parts"
        " WHERE active AND database = currentDatabase() AND table = {t:String}",
        {"t": table},
    )["name"][0].as_py()
    filled.command(f"ALTER TABLE {table} DROP PARTITION ID '{partition}'")

    assert {(difference.table, difference.partition) for difference in filled.check()} == {(table, partition)}
    filled.repair(table, partition)

    assert filled.check() == []
    assert contents(filled, table) == before


def test_entries_under_a_wrong_key_are_found_though_every_sum_fits(filled: Warehouse) -> None:
    moved = "SELECT * REPLACE ('nobody' AS team) FROM (SELECT * FROM days WHERE team = 'search')"
    filled.command(f"INSERT INTO days {moved}")
    filled.command("ALTER TABLE days DELETE WHERE team = 'search' SETTINGS mutations_sync = 2")

    assert {difference.key["team"] for difference in filled.check()} == {"nobody", "search"}


def test_a_check_keeps_to_its_org_and_days(filled: Warehouse) -> None:
    filled.command("ALTER TABLE days DELETE WHERE 1 SETTINGS mutations_sync = 2")

    assert {difference.key["org"] for difference in filled.check("globex")} == {"globex"}
    june = filled.check(since=date(2026, 6, 1), until=date(2026, 7, 1))
    assert june == []


def test_receipts_that_count_other_than_the_ledger_are_found(filled: Warehouse) -> None:
    filled.command("ALTER TABLE receipts DELETE WHERE block = 2 SETTINGS mutations_sync = 2")

    found = filled.check()

    assert {(difference.table, difference.measure) for difference in found} == {("receipts", "counted")}
    assert {difference.key["org"] for difference in found} == {"acme", "globex"}


def test_a_receipt_that_does_not_add_up_is_found(filled: Warehouse) -> None:
    filled.command("ALTER TABLE receipts UPDATE received = received + 1 WHERE block = 1 SETTINGS mutations_sync = 2")

    assert {difference.measure for difference in filled.check()} == {"received"}


def test_days_follow_a_new_reporting_zone(filled: Warehouse) -> None:
    declare(filled, 2, acme="America/Los_Angeles")
    assert filled.check()

    filled.rebuild_days("acme")

    assert filled.check() == []
    days = filled.query("SELECT DISTINCT day FROM days WHERE org = 'acme' ORDER BY day")["day"].to_pylist()
    assert days == [date(2026, 5, 4), date(2026, 7, 31)]
    filled.recover("")
    assert filled.check() == []


def test_blocks_are_stored_while_days_are_rebuilt(filled: Warehouse) -> None:
    declare(filled, 2, acme="America/Los_Angeles")
    zones = {**LOCAL, "acme": "America/Los_Angeles"}
    for offset, _ in enumerate(filled.rebuilding_days("acme"), start=11):
        rows = builders.entries({"id": f"e{offset}", "tags": {"tier": "gold"}, "user": "ann"}, time=JULY)
        filled.insert_block(builders.block(rows, offset=offset, zones=zones))

    assert filled.check() == []
    assert filled.query("SELECT max(version) AS version FROM day_zones")["version"].to_pylist() == [2]


def test_a_rebuild_given_up_is_not_noted(filled: Warehouse) -> None:
    declare(filled, 2, acme="America/Los_Angeles")
    assert next(filled.rebuilding_days("acme")) == "rebuilt partition 202605 of days from the ledger (1 of 12)"
    assert filled.query("SELECT count() AS n FROM day_zones")["n"].to_pylist() == [0]

    filled.rebuild_days("acme")

    assert filled.check() == []


def test_a_rebuild_notes_the_zone_and_whether_retention_left_days_behind(filled: Warehouse) -> None:
    noted = "SELECT version, zone, whole FROM day_zones WHERE org = 'acme' ORDER BY version"
    declare(filled, 2, acme="America/Los_Angeles")
    filled.rebuild_days("acme")
    filled.retention(date(2026, 8, 1), raw_days=30)
    declare(filled, 3, acme="UTC")
    filled.rebuild_days("acme")
    assert filled.query(noted).to_pylist() == [
        {"version": 2, "zone": "America/Los_Angeles", "whole": True},
        {"version": 3, "zone": "UTC", "whole": False},
    ]


def test_retention_drops_whole_months_and_the_rest_still_agrees(filled: Warehouse) -> None:
    before = {table: contents(filled, table) for table in ("days", "cells", "event_ids")}

    lines = filled.retention(date(2026, 8, 1), raw_days=30)

    assert lines == ["dropped partition 202605 of ledger", "dropped partition 202619 of rejects"]
    assert filled.query("SELECT count() AS n FROM ledger")["n"].to_pylist() == [6]
    assert {table: contents(filled, table) for table in before} == before
    assert filled.check() == []
    assert filled.retention(date(2026, 8, 1), raw_days=30) == []


def late(offset: int) -> Block:
    """One more entry of May."""
    return builders.block(builders.entries({"id": f"late{offset}", "source": "late"}), offset=offset)


@pytest.fixture
def cut_short(filled: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """A store in which retention counted May and ended before it dropped it, and to which late entries came since."""

    def crash(*_: object) -> str:
        raise StoreUnavailable("the process ends here")

    with monkeypatch.context() as patched:
        patched.setattr(retention, "_drop", crash)
        with pytest.raises(StoreUnavailable):
            filled.retention(date(2026, 8, 1), raw_days=30)
    filled.insert_block(late(8))
    return filled


@pytest.mark.parametrize("later", ["the next run", "the next start"])
def test_retention_cut_short_counts_nothing_twice(cut_short: Warehouse, later: str) -> None:
    dropped = "dropped partition 202605 of ledger"

    if later == "the next start":
        assert cut_short.recover("embedded/") == [dropped]
    else:
        assert cut_short.retention(date(2026, 8, 1), raw_days=30)[0] == dropped

    assert cut_short.query("SELECT sum(entries) AS n FROM expired")["n"].to_pylist() == [4]
    assert cut_short.query("SELECT count() AS n FROM ledger WHERE toYYYYMM(time) = 202605")["n"].to_pylist() == [0]
    assert cut_short.check() == []


def test_late_entries_of_a_month_that_is_gone_are_counted_too(filled: Warehouse) -> None:
    filled.retention(date(2026, 8, 1), raw_days=30)
    filled.insert_block(late(8))
    assert filled.check() == []
    assert filled.recover("embedded/") == []

    filled.retention(date(2026, 8, 1), raw_days=30)

    assert filled.query("SELECT sum(entries) AS n FROM expired")["n"].to_pylist() == [4]
    assert filled.check() == []


def test_what_retention_left_is_never_rebuilt(filled: Warehouse) -> None:
    filled.retention(date(2026, 8, 1), raw_days=30)

    with pytest.raises(QueryError, match="removed by retention"):
        filled.repair("days", "202605")


def test_a_repair_beside_a_forgotten_month_keeps_its_first_day(open_warehouse: Callable[..., Warehouse]) -> None:
    warehouse = open_warehouse()
    declare(warehouse, 1, **LOCAL)
    edge = datetime(2026, 5, 31, 20, 0, tzinfo=UTC)  # the first of June in Kolkata
    for offset, moment in enumerate([edge, edge + timedelta(days=3)], start=1):
        rows = builders.entries({"id": f"e{offset}"}, time=moment, received=moment)
        warehouse.insert_block(builders.block(rows, offset=offset, zones=LOCAL, received=moment))
    warehouse.retention(date(2026, 7, 5), raw_days=30)
    before = contents(warehouse, "days")

    warehouse.repair("days", "202606")

    assert contents(warehouse, "days") == before
    assert warehouse.check() == []


@pytest.mark.parametrize(("table", "partition"), [("ledger", "202605"), ("days", "may"), ("nothing", "202605")])
def test_only_derived_tables_are_repaired(warehouse: Warehouse, table: str, partition: str) -> None:
    with pytest.raises(QueryError):
        warehouse.repair(table, partition)


def test_a_check_beside_a_writer_sees_no_difference(warehouse: Warehouse) -> None:
    blocks = [builders.block(builders.entries({"id": f"e{n}", "user": "ann"}), offset=n) for n in range(1, 13)]
    with ThreadPoolExecutor(1) as writer:
        writing = [writer.submit(warehouse.insert_block, block) for block in blocks]
        found = []
        while not all(done.done() for done in writing):
            found += warehouse.check()

    assert found == []
    assert not any(done.result() for done in writing)


def test_states_are_summed_once_whatever_is_repeated(filled: Warehouse) -> None:
    filled.catch_up()
    before = {rollup.table: contents(filled, rollup.table) for rollup in STATES}
    assert all(before.values())

    filled.catch_up()
    filled.recover("")

    assert {rollup.table: contents(filled, rollup.table) for rollup in STATES} == before


def test_a_stretch_that_failed_half_way_is_summed_before_newer_blocks(warehouse: Warehouse) -> None:
    def stored(offset: int) -> None:
        rows = builders.entries({"id": f"e{offset}", "user": f"user-{offset}", "latency_ms": 64})
        warehouse.insert_block(builders.block(rows, offset=offset))

    stored(1)
    warehouse.command("RENAME TABLE day_latency TO away")
    with pytest.raises(StoreError):
        warehouse.catch_up()
    warehouse.command("RENAME TABLE away TO day_latency")
    stored(2)

    warehouse.catch_up()

    assert warehouse.query("SELECT sum(entries) AS n FROM day_latency")["n"].to_pylist() == [2]
    assert warehouse.check() == []


def contents(warehouse: Warehouse, table: str) -> list[str]:
    rollup = ROLLUPS[table]
    keys = ", ".join(f"t.{name} AS {name}" for name in rollup.keys)
    how = "sum" if rollup.aggregate == "sum" else "groupUniqArrayArray"
    sums = [f"{how}(t.{name})" for name in rollup.measures]
    measures = "".join(f", {f'arraySort({one})' if how != 'sum' else one}" for one in sums)
    return sorted(
        map(
            repr,
            warehouse.query(f"SELECT {keys}{measures} FROM {table} AS t WHERE t.org != '' GROUP BY ALL").to_pylist(),
        )
    )
