"""The JSON documents of the catalog routes, as OpenAPI shows them, and how the core's values become them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from outlay_api.http.instant import Instant
from outlay_infra.catalog_store import Revision
from outlay_schemas.catalog import Catalog, DocumentKind
from outlay_schemas.catalog_diff import CatalogDiff

EXAMPLE = """\
organisation: {name: Acme, reporting_zone: Europe/Berlin}
teams:
  - {id: search, department: product, business_unit: consumer}
projects:
  - {id: answers, team: search}
apps:
  - {id: search-api, project: answers, env: production}
prices:
  - {id: openai-2026, sku: {provider: openai}, discount: 12.5, from: 2026-01-01T00:00:00Z}
"""

_CATALOG_SCHEMA = {"$ref": "#/components/schemas/Catalog"}

REQUEST_BODY: dict[str, Any] = {
    "required": True,
    "description": "The whole catalog; what it does not name is removed.",
    "content": {
        "application/yaml": {"schema": {"type": "string"}, "example": EXAMPLE},
        "application/json": {"schema": _CATALOG_SCHEMA},
    },
}


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class FieldChanged(_Document):
    """One field before and after."""

    field: str
    """Dotted path inside the document."""
    before: JsonValue
    """Null when it was absent."""
    after: JsonValue
    """Null when it is absent."""


class Changed(_Document):
    """One document that differs."""

    kind: DocumentKind
    """What it is; `order` means that rules or prices run in another order."""
    key: str
    """Its id, with its start date when the id is used again."""
    change: Literal["added", "changed", "removed"]
    fields: list[FieldChanged]


class CurrentCatalog(_Document):
    """A catalog and its version."""

    version: int
    """Rises with every change; 0 is the empty catalog. Also the ETag."""
    catalog: Catalog


class Applied(_Document):
    """What applying a catalog changed, or would change."""

    version: int
    """The version after the change; of a dry run, the version as it stays."""
    dry_run: bool
    changes: list[Changed]
    """Empty when nothing differs; then no version was made."""


class RevisionShown(_Document):
    """Who changed what, and when."""

    version: int
    actor: str
    """The id of the API key, or `local`."""
    at: Instant
    changes: list[Changed]


class History(_Document):
    """The newest revisions, newest first."""

    data: list[RevisionShown]


def changes(diff: CatalogDiff) -> list[Changed]:
    """Return a difference as its document."""
    return [
        Changed(
            kind=change.kind,
            key=change.key,
            change=change.change,
            fields=[FieldChanged(field=at.field, before=at.before, after=at.after) for at in change.fields],
        )
        for change in diff.changes
    ]


def revision(made: Revision) -> RevisionShown:
    """Return a revision as its document."""
    return RevisionShown(version=made.version, actor=made.actor, at=made.at, changes=changes(made.diff))


def catalog_schemas() -> Mapping[str, Any]:
    """Return the schemas that the request body refers to, by name."""
    schema = Catalog.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs", {}), "Catalog": schema}
