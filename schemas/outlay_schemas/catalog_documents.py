"""A catalog taken apart into documents, each under a stable key, and put together again.

A key is the document's id. An id that is used again for later dates carries its start after the first: `search`,
`search#2026-07-01T00:00:00+00:00`. Rules and prices are ordered, so each of these kinds has one document of kind
`order` that lists its keys.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

from outlay_schemas.budgets import Budget
from outlay_schemas.catalog import App, Catalog, DocumentKind, KeyOwner, Organisation, Price, Project, Rule, Team

Dated: TypeAlias = Team | Project | App | KeyOwner | Rule | Price | Budget
Document: TypeAlias = Organisation | Dated | tuple[str, ...]
"""A document's content; a tuple of keys for kind `order`."""
DocumentKey: TypeAlias = tuple[DocumentKind, str]

SECTIONS: Mapping[DocumentKind, tuple[str, type[Dated]]] = {
    "team": ("teams", Team),
    "project": ("projects", Project),
    "app": ("apps", App),
    "key": ("keys", KeyOwner),
    "rule": ("rules", Rule),
    "price": ("prices", Price),
    "budget": ("budgets", Budget),
}
"""Each kind that a catalog lists, with its section and model."""

ORGANISATION: DocumentKey = ("organisation", "organisation")
ORDERED: tuple[DocumentKind, ...] = ("rule", "price")
CATALOG_KINDS: tuple[DocumentKind, ...] = ("organisation", *SECTIONS, "order")
"""Every kind a catalog consists of; other kinds are kept beside it and no apply touches them."""

_EVER = datetime.min.replace(tzinfo=UTC)


def documents(catalog: Catalog) -> dict[DocumentKey, Document]:
    """Return every document of `catalog` by kind and key."""
    parts: dict[DocumentKey, Document] = {ORGANISATION: catalog.organisation}
    for kind in SECTIONS:
        keyed = dict(_keyed(section(catalog, kind)))
        parts.update({(kind, key): document for key, document in keyed.items()})
        if kind in ORDERED and keyed:
            parts["order", kind] = tuple(keyed)
    return parts


def assemble(parts: Mapping[DocumentKey, Document]) -> Catalog:
    """Return the catalog made of `parts`: ordered kinds in their order, the others by key."""
    content: dict[str, object] = {}
    if ORGANISATION in parts:
        content["organisation"] = parts[ORGANISATION]
    for kind, (name, _) in SECTIONS.items():
        keyed = {key: document for (other, key), document in parts.items() if other == kind}
        order = parts.get(("order", kind))
        first = [key for key in order if key in keyed] if isinstance(order, tuple) else []
        content[name] = tuple(keyed[key] for key in [*first, *sorted(keyed.keys() - set(first))])
    return Catalog.model_validate(content)


def section(catalog: Catalog, kind: DocumentKind) -> Sequence[Dated]:
    """Return the documents of one kind, in catalog order."""
    documents: Sequence[Dated] = getattr(catalog, SECTIONS[kind][0])
    return documents


def _keyed(listed: Sequence[Dated]) -> Iterator[tuple[str, Dated]]:
    same_id: dict[str, list[Dated]] = defaultdict(list)
    for document in listed:
        same_id[document.id].append(document)
    for document in listed:
        earliest = min(same_id[document.id], key=lambda other: other.effective_from or _EVER)
        if document is earliest or document.effective_from is None:
            yield document.id, document
        else:
            yield f"{document.id}#{document.effective_from.astimezone(UTC).isoformat()}", document
