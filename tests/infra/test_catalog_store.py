"""Catalogs in the store: versions, conflicts, the audit log, and documents kept beside them."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from outlay_infra.catalog_store import CatalogConflict, CatalogStore
from outlay_infra.warehouse import Warehouse
from outlay_schemas.catalog import Catalog

NOON = datetime(2026, 5, 4, 12, 0, 0, 250_000, tzinfo=UTC)
HOUR = timedelta(hours=1)


def catalog(*teams: str, **parts: Any) -> Catalog:
    return Catalog.model_validate({"teams": [{"id": team} for team in teams], **parts})


@pytest.fixture
def store(warehouse: Warehouse) -> CatalogStore:
    return CatalogStore(warehouse)


def test_an_organisation_starts_with_the_empty_catalog(store: CatalogStore) -> None:
    assert store.current("acme") == (0, Catalog())
    assert store.history("acme") == ()


def test_what_was_applied_is_read_back_whole(store: CatalogStore) -> None:
    applied = catalog(
        "search",
        organisation={"name": "Größe 😀", "reporting_zone": "Asia/Kolkata", "defaults": {"env": "x"}},
        projects=[{"id": "ranking", "team": "search", "from": "2026-07-01T00:00:00.0005+02:00"}],
        rules=[{"id": rule, "match": {"tags.a": ["x*", "y"]}, "fill": {"team": "${tags.a}"}} for rule in ("b", "a")],
        prices=[{"id": "p", "sku": {"provider": "x"}, "discount": "12.50", "rates": {"seats": "0.000000000001"}}],
    )
    result = store.apply("acme", applied, actor="lena", at=NOON)
    assert result.version == 1
    assert store.current("acme") == (1, applied)


def test_applying_the_same_again_makes_no_version(store: CatalogStore) -> None:
    first = store.apply("acme", catalog("search"), actor="lena", at=NOON)
    again = store.apply("acme", catalog("search"), actor="lena", at=NOON + HOUR)
    assert (first.version, again.version, bool(again.diff)) == (1, 1, False)


def test_older_versions_stay_readable(store: CatalogStore) -> None:
    versions = [catalog("a"), catalog("a", "b"), catalog("b"), Catalog()]
    for number, version in enumerate(versions, start=1):
        assert store.apply("acme", version, actor="lena", at=NOON).version == number
    assert [store.at_version("acme", number) for number in range(5)] == [Catalog(), *versions]


def test_a_dry_run_shows_the_difference_and_writes_nothing(store: CatalogStore) -> None:
    result = store.apply("acme", catalog("search"), actor="lena", at=NOON, dry_run=True)
    assert (result.version, [change.key for change in result.diff.added]) == (0, ["search"])
    assert store.version("acme") == 0


def test_a_stale_expectation_is_a_conflict(store: CatalogStore) -> None:
    store.apply("acme", catalog("a"), actor="lena", at=NOON, expected_version=0)
    with pytest.raises(CatalogConflict, match="at version 1, not 0; read it again"):
        store.apply("acme", catalog("b"), actor="jonas", at=NOON, expected_version=0)
    assert store.current("acme") == (1, catalog("a"))


class Overtaken:
    """A store in which another process writes the same version a moment earlier."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def query(self, sql: str, params: Mapping[str, Any] = {}) -> pa.Table:
        return self._warehouse.query(sql, params)

    def insert(self, table: str, rows: pa.Table, *, token: str | None = None) -> None:
        other = rows.slice(0, 1).set_column(rows.column_names.index("actor"), "actor", pa.array(["somebody"]))
        self._warehouse.insert(table, other, token=token)
        self._warehouse.insert(table, rows, token=token)


def test_the_second_of_two_writers_of_one_version_is_told_and_changes_nothing(warehouse: Warehouse) -> None:
    with pytest.raises(CatalogConflict, match="another process wrote version 1"):
        CatalogStore(Overtaken(warehouse)).apply("acme", catalog("a", "b"), actor="lena", at=NOON)
    store = CatalogStore(warehouse)
    assert store.current("acme") == (1, catalog("a"))
    assert store.apply("acme", catalog("a", "b"), actor="lena", at=NOON).version == 2


def test_of_many_writers_at_once_exactly_one_makes_the_version(warehouse: Warehouse) -> None:
    def write(name: str) -> str | None:
        try:
            CatalogStore(warehouse).apply("acme", catalog(name), actor=name, at=NOON, expected_version=0)
        except CatalogConflict:
            return None
        return name

    with ThreadPoolExecutor(8) as writers:
        winners = [name for name in writers.map(write, [f"team-{number}" for number in range(8)]) if name]
    assert len(winners) == 1
    assert CatalogStore(warehouse).current("acme") == (1, catalog(winners[0]))


def test_organisations_do_not_see_each_other(store: CatalogStore) -> None:
    store.apply("acme", catalog("a"), actor="lena", at=NOON)
    store.apply("bolt", catalog("b"), actor="mira", at=NOON)
    assert (store.current("acme"), store.current("bolt")) == ((1, catalog("a")), (1, catalog("b")))


def test_the_history_says_who_changed_what_when(store: CatalogStore) -> None:
    zone = {"reporting_zone": "Europe/Berlin"}
    versions = [catalog("a", organisation=zone), catalog("a", "b", organisation=zone), catalog("b", organisation=zone)]
    applied = [
        store.apply("acme", version, actor=actor, at=NOON + number * HOUR)
        for number, (actor, version) in enumerate(zip(("lena", "mira", "lena"), versions, strict=True))
    ]
    history = store.history("acme")
    assert [(entry.version, entry.actor, entry.at) for entry in history] == [
        (3, "lena", NOON + 2 * HOUR),
        (2, "mira", NOON + HOUR),
        (1, "lena", NOON),
    ]
    assert [[(change.change, change.kind, change.key) for change in entry.diff.changes] for entry in history] == [
        [(change.change, change.kind, change.key) for change in result.diff.changes] for result in reversed(applied)
    ]
    assert history[2].diff.changed[0].fields[0].before == "UTC"
    assert [entry.version for entry in store.history("acme", limit=2)] == [3, 2]


def test_a_document_that_comes_back_was_added(store: CatalogStore) -> None:
    for version in (catalog("a"), Catalog(), catalog("a")):
        store.apply("acme", version, actor="lena", at=NOON)
    assert [entry.diff.changes[0].change for entry in store.history("acme")] == ["added", "removed", "added"]


def test_documents_beside_the_catalog_live_their_own_life(store: CatalogStore) -> None:
    store.put_document("acme", "api_key", "k1", {"name": "one"}, actor="lena", at=NOON)
    store.put_document("bolt", "api_key", "k2", {"name": "two"}, actor="mira", at=NOON)
    store.apply("acme", catalog("a"), actor="lena", at=NOON)
    store.apply("acme", Catalog(), actor="lena", at=NOON)
    assert store.put_document("acme", "api_key", "k1", {"name": "uno"}, actor="mira", at=NOON + HOUR) == 3
    assert store.documents_version("api_key") == 3
    assert [(key.org, key.id, key.body) for key in store.documents("api_key")] == [
        ("acme", "k1", {"name": "uno"}),
        ("bolt", "k2", {"name": "two"}),
    ]
    key = store.documents("api_key", org="acme")[0]
    assert (key.version, key.actor, key.at) == (3, "mira", NOON + HOUR)
    assert store.version("acme") == 2
    assert len(store.history("acme")) == 2


def test_a_deleted_document_is_gone_and_the_version_rises(store: CatalogStore) -> None:
    store.put_document("acme", "api_key", "k1", {}, actor="lena", at=NOON)
    store.delete_document("acme", "api_key", "k1", actor="lena", at=NOON)
    assert store.documents("api_key") == ()
    assert store.documents_version("api_key") == 2


def test_documents_of_the_catalog_change_by_apply_alone(store: CatalogStore) -> None:
    with pytest.raises(ValueError, match="belong to the catalog; change them with apply"):
        store.put_document("acme", "team", "a", {}, actor="lena", at=NOON)


def test_every_organisation_with_a_catalog_has_a_version(store: CatalogStore) -> None:
    assert store.versions() == {}
    for org, teams in (("acme", ["a"]), ("acme", ["b"]), ("nimbus", ["a"])):
        store.apply(org, catalog(*teams), actor="lena", at=NOON)
    store.put_document("keys-only", "api_key", "k", {}, actor="lena", at=NOON)
    assert store.versions() == {"acme": 2, "nimbus": 1}
