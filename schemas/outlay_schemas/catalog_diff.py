"""What differs between two catalogs, as data: documents added, changed and removed, field by field.

A rendering is somebody else's task. No difference means that applying the new catalog changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pydantic import JsonValue

from outlay_schemas.catalog import Catalog, DocumentKind
from outlay_schemas.catalog_documents import CATALOG_KINDS, Document, DocumentKey, documents

Body: TypeAlias = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field (dotted path, for example `set.team`) before and after; None where it is absent."""

    field: str
    before: JsonValue
    after: JsonValue


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """One document that differs. Kind `order` means that rules or prices (its key) run in another order."""

    kind: DocumentKind
    key: str
    change: Literal["added", "changed", "removed"]
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class CatalogDiff:
    """Every document that differs, by kind and then by key. False when nothing does."""

    changes: tuple[DocumentChange, ...] = ()

    @classmethod
    def of(cls, changes: Iterable[DocumentChange | None]) -> CatalogDiff:
        """Gather changes in their order, leaving out what is none."""
        return cls(tuple(sorted((change for change in changes if change), key=_position)))

    def __bool__(self) -> bool:
        return bool(self.changes)

    @property
    def added(self) -> tuple[DocumentChange, ...]:
        """Documents only the new catalog has."""
        return tuple(change for change in self.changes if change.change == "added")

    @property
    def changed(self) -> tuple[DocumentChange, ...]:
        """Documents both have, with different content."""
        return tuple(change for change in self.changes if change.change == "changed")

    @property
    def removed(self) -> tuple[DocumentChange, ...]:
        """Documents only the old catalog has."""
        return tuple(change for change in self.changes if change.change == "removed")


def diff(old: Catalog, new: Catalog) -> CatalogDiff:
    """Return what applying `new` over `old` would change."""
    before, after = documents(old), documents(new)
    keys = [*before, *(key for key in after if key not in before)]
    differing = (key for key in keys if before.get(key) != after.get(key))
    return CatalogDiff.of(change_of(key, _body(before.get(key)), _body(after.get(key))) for key in differing)


def body(document: Document) -> Body:
    """Return a document as the JSON it is stored as; an order as `{"keys": [...]}`."""
    if isinstance(document, tuple):
        return {"keys": list(document)}
    dumped: Body = document.model_dump(mode="json", by_alias=True, exclude_none=True)
    return dumped


def change_of(key: DocumentKey, before: Body | None, after: Body | None) -> DocumentChange | None:
    """Return how one document went from `before` to `after` (None: absent), or None when no reader would care."""
    kind, name = key
    if kind == "order":
        fields = _order_fields(before, after)
        return DocumentChange(kind, name, "changed", fields) if fields else None
    old, new = _flat(before or {}), _flat(after or {})
    fields = tuple(
        FieldChange(field, old.get(field), new.get(field))
        for field in [*old, *(field for field in new if field not in old)]
        if old.get(field) != new.get(field)
    )
    if before is None or after is None:
        return DocumentChange(kind, name, "added" if before is None else "removed", fields)
    return DocumentChange(kind, name, "changed", fields) if fields else None


def _body(document: Document | None) -> Body | None:
    return None if document is None else body(document)


def _order_fields(before: Body | None, after: Body | None) -> tuple[FieldChange, ...]:
    """Return the two orders, unless documents were only removed or appended at the end."""
    old, new = _keys(before), _keys(after)
    kept = [key for key in old if key in new]
    if new[: len(kept)] == kept:
        return ()
    return (FieldChange("keys", list[JsonValue](old), list[JsonValue](new)),)


def _keys(order: Body | None) -> list[str]:
    keys = (order or {}).get("keys", [])
    return [str(key) for key in keys] if isinstance(keys, Sequence) else []


def _flat(value: Mapping[str, JsonValue], prefix: str = "") -> dict[str, JsonValue]:
    flat: dict[str, JsonValue] = {}
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            flat.update(_flat(inner, f"{prefix}{name}."))
        elif inner != []:
            flat[f"{prefix}{name}"] = inner
    return flat


def _position(change: DocumentChange) -> tuple[int, str]:
    return CATALOG_KINDS.index(change.kind), change.key
