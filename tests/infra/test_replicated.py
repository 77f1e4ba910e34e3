"""The schema of replicated servers: made from that of a single one, statement by statement."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from outlay_infra.errors import StoreError
from outlay_infra.warehouse import Warehouse, migrations
from outlay_infra.warehouse.dsn import Server, parse_dsn
from outlay_infra.warehouse.replicated import Replicas

GOLDEN = Path(__file__).parents[1] / "golden" / "replicated_schema.sql"
REPLICAS = Replicas("main")


def statements() -> Iterator[str]:
    for migration in migrations.packaged():
        yield from map(REPLICAS.rendered, migration.statements)


def test_the_rendered_schema_is_the_reviewed_one() -> None:
    rendered = "".join(f"{statement};\n\n" for statement in statements())
    assert rendered == GOLDEN.read_text("utf-8"), f"put this into {GOLDEN.name}:\n{rendered}"


@pytest.mark.parametrize("statement", list(statements()), ids=lambda text: text.split("\n")[0][:70])
def test_the_engine_reads_every_statement(warehouse: Warehouse, statement: str) -> None:
    (row,) = warehouse.query("SELECT formatQuery({sql:String}) AS sql", {"sql": statement}).to_pylist()
    assert "ON CLUSTER main" in row["sql"]
    assert " non_replicated" not in row["sql"]
    if statement.startswith("CREATE"):
        assert re.search(
            r"ENGINE = Replicated\w*MergeTree\('/clickhouse/tables/\{uuid\}/\{shard\}', '\{replica\}'", row["sql"]
        )


def test_nothing_but_replication_differs(warehouse: Warehouse, open_warehouse: Any) -> None:
    """Taken back to one server, the rendered statements make the very tables of the migrations."""
    alone = open_warehouse(migrated=False)
    for statement in statements():
        plain = statement.replace(" ON CLUSTER 'main'", "").replace("ENGINE = Replicated", "ENGINE = ")
        plain = re.sub(r"\('/clickhouse/tables/\{uuid\}/\{shard\}', '\{replica\}'(?:, )?", "(", plain)
        plain = re.sub(r"\breplicated_(deduplication_window = \d+), replicated_\w+ = \d+", r"non_replicated_\1", plain)
        alone.command(plain)
    made = "SELECT name, replaceAll(create_table_query, currentDatabase(), '') AS sql FROM system.tables"
    asked = f"{made} WHERE database = currentDatabase() AND name != 'migrations' ORDER BY name"
    assert alone.query(asked).to_pylist() == warehouse.query(asked).to_pylist()


@pytest.mark.parametrize("statement", ["CREATE TABLE aside AS ledger", "DROP TABLE IF EXISTS aside SYNC"])
def test_tables_that_come_and_go_do_so_on_every_replica(warehouse: Warehouse, statement: str) -> None:
    (row,) = warehouse.query(
        "SELECT formatQuery({sql:String}) AS sql", {"sql": REPLICAS.for_all(statement)}
    ).to_pylist()
    assert re.match(r"(CREATE TABLE|DROP TABLE IF EXISTS) aside ON CLUSTER main\s", row["sql"])


def test_an_address_names_its_cluster() -> None:
    place = parse_dsn("clickhouses://u:p@store:8443?cluster=main")
    assert isinstance(place, Server)
    assert place.replicas == REPLICAS
    with pytest.raises(StoreError, match=r"write \?cluster=NAME"):
        parse_dsn("clickhouse://store?clusters=2")
