"""Migrations: each applied once, in order, repeatable half-way, never changed after."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from importlib import resources

import pytest

from outlay_infra.errors import SchemaError, StoreError
from outlay_infra.warehouse import Warehouse, migrations
from outlay_infra.warehouse.migrations import Migration, packaged

Open = Callable[..., Warehouse]


def test_files_are_numbered_without_gaps() -> None:
    assert [migration.version for migration in packaged()] == list(range(1, len(packaged()) + 1))


@pytest.mark.parametrize("migration", packaged(), ids=str)
def test_every_file_is_packaged_and_repeatable(migration: Migration) -> None:
    file = resources.files("outlay_infra.warehouse") / "ddl" / f"{migration}.sql"

    assert file.read_text(encoding="utf-8") == migration.text
    assert migration.statements
    for statement in migration.statements:
        assert re.match(r"CREATE TABLE IF NOT EXISTS|ALTER TABLE .* IF (NOT )?EXISTS", statement), statement


@pytest.mark.parametrize("migration", packaged(), ids=str)
def test_a_file_may_be_applied_over_what_a_crash_left_of_it(open_warehouse: Open, migration: Migration) -> None:
    warehouse = open_warehouse(migrated=False)
    before = [earlier for earlier in packaged() if earlier.version < migration.version]
    migrations.apply(warehouse, before)
    warehouse.command(migration.statements[0])

    assert migrations.apply(warehouse, [*before, migration]) == [str(migration)]
    assert migrations.apply(warehouse, [*before, migration]) == []


def test_what_waits_is_told_without_touching_anything(open_warehouse: Open) -> None:
    warehouse = open_warehouse(migrated=False)

    assert warehouse.pending_migrations() == [str(migration) for migration in packaged()]
    assert warehouse.query("SELECT name FROM system.tables WHERE database = currentDatabase()").num_rows == 0
    assert warehouse.migrate() == [str(migration) for migration in packaged()]
    assert warehouse.pending_migrations() == []


def test_a_statement_that_fails_leaves_its_file_unapplied(open_warehouse: Open) -> None:
    warehouse = open_warehouse(migrated=False)
    good, bad = packaged()[0], Migration(2, "bad", "CREATE TABLE nonsense;\n")

    with pytest.raises(StoreError):
        migrations.apply(warehouse, [good, bad])

    assert migrations.pending(warehouse, [good, bad]) == ["0002_bad"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda files: [replace(files[0], text=files[0].text + " "), *files[1:]], "0001_ledger was changed after"),
        (lambda files: [files[0], *files[2:]], "0002_rollups was applied but its file is missing"),
        (lambda files: files[:-1], "install the newer version"),
    ],
    ids=["changed", "missing", "newer database"],
)
def test_another_history_is_refused_and_named(
    warehouse: Warehouse, change: Callable[[list[Migration]], list[Migration]], told: str
) -> None:
    with pytest.raises(SchemaError, match=told):
        migrations.apply(warehouse, change(packaged()))
    with pytest.raises(SchemaError, match=told):
        migrations.pending(warehouse, change(packaged()))


def test_a_file_slipped_in_before_applied_ones_is_refused(open_warehouse: Open) -> None:
    warehouse = open_warehouse(migrated=False)
    first, second, third = packaged()[:3]
    migrations.apply(warehouse, [first, third])

    with pytest.raises(SchemaError, match="0002_rollups was never applied but newer ones were"):
        migrations.apply(warehouse, [first, second, third])


def test_comments_and_line_ends_do_not_split_statements() -> None:
    migration = Migration(
        1, "x", "-- a; comment;\nCREATE TABLE a (s String DEFAULT ';')\n-- more;\nENGINE = Null;\nSELECT 1;\n"
    )

    assert migration.statements == ["CREATE TABLE a (s String DEFAULT ';')\n\nENGINE = Null", "SELECT 1"]
