"""Catalog documents: what an organisation declares, versioned and effective-dated.

One `catalog.yaml` is a `Catalog`; each of its parts is stored as a document (kind, id, body) under a version.
Effective dates are half-open UTC instants on the event's time: `from <= time < to`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from outlay_schemas.budgets import Budget
from outlay_schemas.dated import CatalogDocument, DatedDocument, Identifier, Zone
from outlay_schemas.usage import Category, Text, UnitName


class Organisation(CatalogDocument):
    """The organisation itself. `defaults` fills dimensions that nothing else sets."""

    name: Text = "default"
    reporting_zone: Zone = "UTC"
    defaults: dict[str, Text] = Field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        """The zone whose days the day rollup keeps."""
        return ZoneInfo(self.reporting_zone)


class Team(DatedDocument):
    """A team and where it stands in the org tree."""

    id: Identifier
    department: Text | None = None
    business_unit: Text | None = None
    zone: Zone | None = None
    owners: tuple[Text, ...] = ()


class Project(DatedDocument):
    """A project and its team."""

    id: Identifier
    team: Identifier
    use_case: Text | None = None


class App(DatedDocument):
    """An app and its project; the team follows from it."""

    id: Identifier
    project: Identifier | None = None
    team: Identifier | None = None
    env: Text | None = None


class KeyOwner(DatedDocument):
    """Whose a provider or virtual key is: the dimensions an event with that `key` takes when it does not say itself."""

    id: Identifier
    set: dict[str, Text]


class Rule(DatedDocument):
    """An attribution rule. Rules run in order; the first that sets a dimension wins over what the event says.

    `match` maps a field (`app`, `provider`, `model`, `tags.tier`, ...) to a value, a list of values, or a glob
    (`gpt-5*`); all must match. `set` overrides, `fill` only fills what the event left empty.
    A value may copy a field or tag of the event: `${tags.squad}`.
    """

    id: Identifier
    match: dict[str, Text | tuple[Text, ...]] = Field(default_factory=dict)
    set: dict[str, Text] = Field(default_factory=dict)
    fill: dict[str, Text] = Field(default_factory=dict)


class SkuMatch(CatalogDocument):
    """Which skus a price is for; globs allowed in `model`. Absent qualifiers match every value."""

    provider: Text
    model: Text = "*"
    service_tier: Text | None = None
    region: Text | None = None


Percent = Annotated[Decimal, Field(ge=0, le=100, max_digits=12)]
UsdPerUnit = Annotated[Decimal, Field(ge=0, le=10**9, max_digits=38)]


class Price(DatedDocument):
    """A contract or custom price: a `discount` (percent off list) or own `rates`, in USD per `per` units.

    Own rates replace the list rates of the units they name; with a new sku they are the whole price.
    """

    id: Identifier
    sku: SkuMatch
    discount: Percent | None = None
    discount_units: tuple[UnitName, ...] = ()
    """Units the discount is for; all when empty."""
    rates: dict[UnitName, UsdPerUnit] = Field(default_factory=dict)
    per: Annotated[int, Field(ge=1, le=10**12)] = 1
    category: Category | None = None
    note: Text | None = None


class Catalog(CatalogDocument):
    """One declarative catalog file; ids are unique within a kind."""

    organisation: Organisation = Organisation()
    teams: tuple[Team, ...] = ()
    projects: tuple[Project, ...] = ()
    apps: tuple[App, ...] = ()
    keys: tuple[KeyOwner, ...] = ()
    rules: tuple[Rule, ...] = ()
    prices: tuple[Price, ...] = ()
    budgets: tuple[Budget, ...] = ()


DocumentKind = Literal["organisation", "team", "project", "app", "key", "rule", "price", "budget", "order", "api_key"]
