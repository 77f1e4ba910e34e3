"""What every warehouse does, whichever engine answers: embedded, over HTTP, and a real server where there is one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from outlay_infra.errors import QueryError, QueryLimit, SchemaError, StoreUnavailable
from outlay_infra.warehouse import Warehouse
from outlay_schemas import arrow
from tests import builders
from tests.support import clickhouse_front
from tests.support.containers import docker_answers

TABLES = {
    "ledger": arrow.ENTRIES,
    "event_ids": arrow.IDS,
    "cells": arrow.CELLS,
    "days": arrow.DAYS,
    "tag_days": arrow.TAG_DAYS,
    "receipts": arrow.RECEIPTS,
    "rejects": arrow.REJECTS,
}
UUID_ID = "5ba8bea2-f99c-4b64-a69f-2a10a423d819"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def front(engine_dsn: str) -> Iterator[str]:
    with clickhouse_front.serve(engine_dsn.removeprefix("chdb://")) as port:
        yield f"clickhouse://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    from testcontainers.community.clickhouse import ClickHouseContainer  # noqa: PLC0415  (only where an engine answers)

    with ClickHouseContainer("clickhouse/clickhouse-server:26.9", username="test", password="test") as container:
        yield f"clickhouse://test:test@{container.get_container_host_ip()}:{container.get_exposed_port(8123)}"


ENGINES = {"embedded": "engine_dsn", "http": "front"} | ({"server": "server"} if docker_answers() else {})


@pytest.fixture(params=ENGINES.values(), ids=ENGINES)
def dsn(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def store(dsn: str) -> Iterator[Warehouse]:
    with Warehouse.open(dsn, database=f"contract_{next(_numbers)}") as warehouse:
        warehouse.migrate()
        yield warehouse
        warehouse.command(f"DROP DATABASE {warehouse.database} SYNC")


def everything() -> pa.Table:
    """One entry with every column set, one with as little as can be, one of each awkward kind."""
    return builders.entries(
        {
            "id": UUID_ID,
            "amount": "12345678901234567890123456.123456789012",
            "provider_cost": "0.000000000001",
            "tags": {"tier": "gold", "ünï": "čode 'quoted' \\ \" 💸"},
            "quantities": {"images": "3", "audio_seconds": "12.000000001"},
            "latency_ms": 2**31 - 1,
            "ttft_ms": 0,
            "estimated": True,
            "user": "ann",
            "input_tokens": 2**63 - 1,
            "received": builders.NOON + timedelta(days=4000, milliseconds=1),
            "block": 5 << 32 | 7,
            "catalog_version": 2**32 - 1,
        },
        {"id": "not a uuid", "amount": None, "status": "unpriced", "reason": "unknown model"},
        {"id": UUID_ID.upper(), "amount": "-0.5", "kind": "adjustment"},
        {
            "id": "00000000-0000-0000-0000-000000000000",
            "amount": "0",
            "status": "free",
            "time": datetime(1969, 1, 1, tzinfo=UTC),
        },
    )


def test_entries_come_back_as_they_went_in(store: Warehouse) -> None:
    block = builders.block(everything(), offset=5 << 32 | 7)
    store.insert_block(block)

    columns = ", ".join(arrow.ENTRIES.names)
    found = store.query(f"SELECT {columns} FROM ledger").cast(arrow.ENTRIES)

    assert rows(found) == rows(block.entries)


@pytest.mark.parametrize("table", sorted(TABLES))
def test_columns_are_those_of_the_schema(store: Warehouse, table: str) -> None:
    schema = TABLES[table]
    stored = store.query(
        "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String}",
        {"table": table},
    )
    shown = [name for name in stored["name"].to_pylist() if name in schema.names]
    store.insert_block(builders.block(everything(), rejects=[{"id": "r"}]))
    found = store.query(f"SELECT {', '.join(schema.names)} FROM {table}").schema

    assert sorted(shown) == sorted(schema.names)
    assert found.names == schema.names
    for name in schema.names:
        assert plain(found.field(name).type) == plain(schema.field(name).type), name
        assert found.field(name).nullable is (name in NULLABLE.get(table, ())), name


NULLABLE = {"ledger": ("latency_ms", "ttft_ms", "amount", "provider_cost")}


def test_a_repeated_block_changes_nothing(store: Warehouse) -> None:
    block = builders.block(builders.entries({"amount": "1", "tags": {"a": "b"}}), rejects=[{"id": "r"}])
    for _ in range(3):
        store.insert_block(block)

    assert store.check() == []
    for table in TABLES:
        assert store.query(f"SELECT count() AS n FROM {table} WHERE org != ''")["n"].to_pylist() == [1], table


def test_blocks_of_many_months_are_one_block(store: Warehouse) -> None:
    months = [{"id": f"m{n}", "time": datetime(1990 + n // 12, n % 12 + 1, 1, tzinfo=UTC)} for n in range(120)]
    block = builders.block(builders.entries(*months))
    for _ in range(2):
        store.insert("cells", block.cells, token=block.token)

    assert store.query("SELECT count() AS n FROM cells")["n"].to_pylist() == [120]


def test_a_table_of_many_chunks_is_one_block(store: Warehouse) -> None:
    block = builders.block(pa.concat_tables([builders.entries({"id": f"e{n}"}) for n in range(5)]))
    chunked = pa.Table.from_batches(block.entries.to_batches(max_chunksize=1))
    for _ in range(2):
        store.insert("ledger", chunked, token=block.token)

    assert store.query("SELECT count() AS n FROM ledger")["n"].to_pylist() == [5]


def test_an_empty_block_leaves_its_receipt(store: Warehouse) -> None:
    store.insert_block(builders.block(None, duplicates=3))

    assert store.query("SELECT received, duplicate FROM receipts").to_pylist() == [{"received": 3, "duplicate": 3}]


def test_a_null_where_none_may_be_is_refused(store: Warehouse) -> None:
    rows_with_null = pa.table({"price_id": ["p_1"], "body": pa.array([None], pa.string())})

    with pytest.raises(QueryError):
        store.insert("prices", rows_with_null)


def test_parameters_carry_every_type(store: Warehouse) -> None:
    moment = datetime(2026, 5, 4, 12, 0, 0, 123000, tzinfo=UTC)
    found = store.query(
        "SELECT {text:String} AS text, {day:Date32} AS day, {moment:DateTime64(3, 'UTC')} AS moment,"
        " {many:Array(String)} AS many, {amount:Decimal(38, 12)} AS amount, {yes:Bool} AS yes, {large:UInt64} AS large",
        {
            "text": 'it\'s \\ "so"\n\t{x:String} 💸',
            "day": date(1950, 1, 2),
            "moment": moment,
            "many": ["a'b", "\\", ""],
            "amount": Decimal("1.000000000001"),
            "yes": True,
            "large": 2**64 - 1,
        },
    ).to_pylist()

    assert found == [
        {
            "text": 'it\'s \\ "so"\n\t{x:String} 💸',
            "day": date(1950, 1, 2),
            "moment": moment,
            "many": ["a'b", "\\", ""],
            "amount": Decimal("1.000000000001"),
            "yes": True,
            "large": 2**64 - 1,
        }
    ]


def test_a_query_without_rows_keeps_its_columns(store: Warehouse) -> None:
    found = store.query("SELECT amount, org FROM cells")

    assert (found.num_rows, found.column_names) == (0, ["amount", "org"])


def test_settings_hold_for_one_query(store: Warehouse) -> None:
    with pytest.raises(QueryLimit):
        store.query("SELECT number FROM numbers(10)", settings={"max_rows_to_read": 5})

    assert store.query("SELECT number FROM numbers(10)").num_rows == 10


def test_a_stream_gives_every_row_and_may_be_left(store: Warehouse) -> None:
    sql = "SELECT number, toString(number) AS text FROM numbers({n:UInt64})"

    batches = list(store.stream(sql, {"n": 300_000}))
    assert sum(batch.num_rows for batch in batches) == 300_000
    assert len(batches) > 1

    left = store.stream(sql, {"n": 3_000_000})
    assert next(iter(left)).num_rows > 0
    left.close()  # type: ignore[attr-defined]
    assert store.query("SELECT 1 AS one").num_rows == 1


def test_a_stream_fails_as_a_query_does(store: Warehouse) -> None:
    with pytest.raises(QueryError):
        list(store.stream("SELECT nothing FROM nowhere"))


def test_ten_thousand_ids_are_looked_up_at_once(store: Warehouse) -> None:
    block = builders.block(
        builders.entries({"id": "e1"}, {"id": UUID_ID, "source": "other"}, {"id": "e3", "org": "globex"})
    )
    store.insert_block(block)
    known = block.ids["id_hash"].to_pylist()
    asked = pa.array([*known, *range(10_000)], pa.uint64())

    found = store.find_ids(asked)

    assert found.column_names == ["id_hash", "content_hash"]
    assert rows(found) == rows(block.ids.select(["id_hash", "content_hash"]))
    assert store.find_ids(pa.array([], pa.uint64())).num_rows == 0


def test_recent_ids_are_the_newest(store: Warehouse) -> None:
    moments = [builders.NOON + timedelta(hours=n) for n in range(6)]
    block = builders.block(builders.entries(*({"id": f"e{n}", "received": at} for n, at in enumerate(moments))))
    store.insert_block(block)

    found = pa.concat_tables(store.recent_ids(moments[1], 3))

    assert found.column_names == ["id_hash", "content_hash", "received"]
    assert sorted(found["received"].to_pylist()) == moments[3:]
    assert sum(page.num_rows for page in store.recent_ids(moments[4], 100)) == 2


def test_recent_ids_reach_back_over_weeks_newest_first(store: Warehouse) -> None:
    moments = [builders.NOON + timedelta(weeks=n) for n in (3, 0, 5, 1, 60)]
    for offset, moment in enumerate(moments, start=1):
        store.insert_block(builders.block(builders.entries({"id": f"e{offset}"}, received=moment), offset=offset))

    def received(limit: int) -> list[datetime]:
        return [at for page in store.recent_ids(builders.NOON, limit) for at in page["received"].to_pylist()]

    assert received(100) == sorted(moments, reverse=True)
    assert received(3) == sorted(moments, reverse=True)[:3]


def test_an_entry_is_found_by_its_id(store: Warehouse) -> None:
    block = builders.block(
        builders.entries(
            {"id": UUID_ID}, {"id": UUID_ID, "source": "other"}, {"id": "x"}, {"id": UUID_ID, "org": "globex"}
        )
    )
    store.insert_block(block)

    assert store.find_entries("acme", UUID_ID).schema == arrow.ENTRIES
    assert sorted(store.find_entries("acme", UUID_ID)["source"].to_pylist()) == ["api", "other"]
    assert store.find_entries("acme", UUID_ID, "other")["source"].to_pylist() == ["other"]
    assert store.find_entries("acme", "y").num_rows == 0
    assert store.find_entries("initech", UUID_ID).num_rows == 0


@dataclass(frozen=True)
class Price:
    price_id: str
    body: str


def test_prices_are_kept_once(store: Warehouse) -> None:
    store.save_prices([Price("p_1", "{}"), Price("p_2", '{"a":1}')])
    store.save_prices([Price("p_2", "other terms"), Price("p_3", "{}")])
    store.save_prices([])

    stored = store.query("SELECT price_id, body FROM prices ORDER BY price_id").to_pylist()
    assert [(row["price_id"], row["body"]) for row in stored] == [("p_1", "{}"), ("p_2", '{"a":1}'), ("p_3", "{}")]


def test_readers_run_beside_a_writer(store: Warehouse) -> None:
    blocks = [builders.block(builders.entries({"id": f"e{n}", "amount": "1"}), offset=n) for n in range(1, 9)]
    with ThreadPoolExecutor(6) as pool:
        writing = pool.map(store.insert_block, blocks)
        reading = pool.map(lambda _: store.query("SELECT sum(amount) AS a FROM cells").num_rows, range(20))
        assert list(reading) == [1] * 20
        list(writing)

    assert store.query("SELECT sum(amount) AS amount FROM days")["amount"].to_pylist() == [Decimal(8)]


@pytest.mark.parametrize(
    "sql", ["SELECT", "SELECT nothing FROM ledger", "SELECT * FROM nowhere", "SELECT toDate('x')", "SELECT {p:UInt8}"]
)
def test_a_wrong_query_is_the_callers_fault_and_told_plainly(store: Warehouse, sql: str) -> None:
    with pytest.raises(QueryError) as refused:
        store.query(sql)

    told = str(refused.value)
    assert "\n" not in told
    for noise in ("DB::Exception", "Code:", "version", "Stack trace"):
        assert noise not in told


def test_migrating_again_changes_nothing(store: Warehouse) -> None:
    assert store.pending_migrations() == []
    assert store.migrate() == []


def test_a_database_newer_than_the_code_is_refused(store: Warehouse) -> None:
    newer = pa.table({"version": pa.array([9000], pa.uint32()), "name": ["later"], "checksum": ["0"]})
    store.insert("migrations", newer)

    with pytest.raises(SchemaError, match="9000_later"):
        store.migrate()


def test_a_closed_warehouse_says_so(dsn: str) -> None:
    warehouse = Warehouse.open(dsn, database="contract_closed")
    warehouse.close()

    with pytest.raises(StoreUnavailable, match="closed"):
        warehouse.query("SELECT 1")


def plain(kind: pa.DataType) -> pa.DataType:
    """Leave out whether a map's values may be null: the store says no, the schema leaves it open."""
    return pa.map_(kind.key_type, kind.item_type) if pa.types.is_map(kind) else kind


def rows(table: pa.Table) -> list[str]:
    return sorted(map(repr, table.to_pylist()))
