"""A rehearsal takes the way of a real event, by the organisation's own rules."""

from __future__ import annotations

import pytest

from outlay_schemas.catalog import Catalog
from outlay_streams.catalog.rules import CatalogSnapshot, build_rules
from outlay_streams.runtime.rehearsal import rehearse
from tests.support.events import NOW
from tests.support.flat_rules import FlatRules


def test_it_goes_through_real_rules() -> None:
    rehearse("acme", build_rules(CatalogSnapshot("acme", 0, Catalog())), now=NOW)


def test_a_fault_of_the_rules_is_seen() -> None:
    class Broken:
        def price(self, usage: object, /) -> None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rehearse("acme", FlatRules(book=Broken()), now=NOW)  # type: ignore[arg-type]
