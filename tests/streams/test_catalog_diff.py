"""A difference between catalogs is complete, field by field, and empty exactly when nothing changes."""

from __future__ import annotations

from typing import Any

from outlay_schemas.catalog import Catalog
from outlay_schemas.catalog_documents import assemble, documents
from outlay_streams.catalog import DocumentChange, FieldChange, diff

JULY = "2026-07-01T00:00:00Z"


def catalog(**parts: Any) -> Catalog:
    return Catalog.model_validate(parts)


def rules(*ids: str) -> Catalog:
    return catalog(rules=[{"id": rule, "set": {"env": "x"}} for rule in ids])


def summary(old: Catalog, new: Catalog) -> list[tuple[str, str, str]]:
    return [(change.change, change.kind, change.key) for change in diff(old, new).changes]


def test_equal_catalogs_do_not_differ_however_they_are_written() -> None:
    one = catalog(teams=[{"id": "a", "from": "2026-07-01T02:00:00+02:00"}, {"id": "b"}], prices=[price("12.5")])
    two = catalog(teams=[{"id": "b", "owners": []}, {"id": "a", "from": JULY}], prices=[price("12.50")])
    assert not diff(one, two)


def price(discount: str) -> dict[str, Any]:
    return {"id": "p", "sku": {"provider": "x"}, "discount": discount}


def test_fields_are_given_before_and_after() -> None:
    old = catalog(
        teams=[{"id": "a", "department": "x", "owners": ["o"]}], prices=[{**price("5"), "rates": {"seats": 1}}]
    )
    new = catalog(teams=[{"id": "a", "department": "y", "zone": "UTC"}], prices=[{**price("5"), "rates": {"seats": 2}}])
    assert diff(old, new).changes == (
        DocumentChange(
            "team",
            "a",
            "changed",
            (FieldChange("department", "x", "y"), FieldChange("owners", ["o"], None), FieldChange("zone", None, "UTC")),
        ),
        DocumentChange("price", "p", "changed", (FieldChange("rates.seats", "1", "2"),)),
    )


def test_documents_added_and_removed_carry_their_content() -> None:
    difference = diff(rules("old"), catalog(teams=[{"id": "a"}]))
    assert [(change.key, change.fields) for change in difference.added] == [("a", (FieldChange("id", None, "a"),))]
    assert [(change.key, change.fields[-1]) for change in difference.removed] == [
        ("old", FieldChange("set.env", "x", None))
    ]
    assert difference.changed == ()


def test_the_organisation_changes_from_its_defaults() -> None:
    difference = diff(Catalog(), catalog(organisation={"reporting_zone": "Asia/Kolkata"}))
    assert difference.changed[0].fields == (FieldChange("reporting_zone", "UTC", "Asia/Kolkata"),)


def test_another_order_of_rules_is_a_change_but_appending_and_removing_is_not() -> None:
    assert summary(rules("a", "b"), rules("b", "a")) == [("changed", "order", "rule")]
    assert summary(rules("a", "b"), rules("a", "b", "c")) == [("added", "rule", "c")]
    assert summary(rules("a", "b"), rules("b")) == [("removed", "rule", "a")]
    assert summary(rules("a", "b"), rules("c", "a", "b")) == [("added", "rule", "c"), ("changed", "order", "rule")]


def test_a_successor_of_an_id_is_a_document_of_its_own() -> None:
    old = catalog(teams=[{"id": "a", "department": "x"}])
    new = catalog(teams=[{"id": "a", "department": "y", "from": JULY}, {"id": "a", "department": "x", "to": JULY}])
    assert summary(old, new) == [("changed", "team", "a"), ("added", "team", "a#2026-07-01T00:00:00+00:00")]


def test_documents_put_together_make_the_catalog_they_came_from() -> None:
    whole = catalog(
        organisation={"name": "x"},
        teams=[{"id": "a", "to": JULY}, {"id": "a", "from": JULY}, {"id": "b"}],
        rules=[{"id": rule, "set": {"env": "x"}} for rule in ("z", "a", "m")],
        prices=[{"id": identity, "sku": {"provider": "x"}, "discount": 1} for identity in ("q", "b")],
    )
    assert assemble(documents(whole)) == whole
