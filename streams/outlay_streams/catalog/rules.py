"""The rules one organisation's events are metered by, at one catalog version."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from outlay_schemas.catalog import Catalog
from outlay_streams.attribution import Attributor
from outlay_streams.pricing import PriceBook


@dataclass(frozen=True, slots=True)
class CatalogSnapshot:
    """An organisation's catalog at a version; version 0 is the empty catalog every organisation starts with."""

    org: str
    version: int
    catalog: Catalog


@dataclass(frozen=True, slots=True)
class OrgRules:
    """A catalog version ready to meter by."""

    version: int
    zone: ZoneInfo
    """The reporting zone, whose days the day rollups keep."""
    attributor: Attributor
    book: PriceBook


def build_rules(snapshot: CatalogSnapshot) -> OrgRules:
    """Compile `snapshot`."""
    catalog = snapshot.catalog
    return OrgRules(
        version=snapshot.version,
        zone=catalog.organisation.zone,
        attributor=Attributor(catalog),
        book=PriceBook.compile(contract=catalog.prices),
    )
