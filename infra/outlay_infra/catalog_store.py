"""The catalog in the store: versioned documents appended to one table, so the audit log comes free.

A version holds the documents it changed; a document's newest row at or below a version is its state there. Documents
of other kinds (API keys) are kept beside the catalog, count versions of their own, and no apply touches them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import pyarrow as pa

from outlay_infra.errors import StoreError
from outlay_schemas.catalog import Catalog, DocumentKind, Organisation
from outlay_schemas.catalog_diff import Body, CatalogDiff, body, change_of, diff
from outlay_schemas.catalog_documents import CATALOG_KINDS, SECTIONS, Document, DocumentKey, assemble, documents

ROWS = pa.schema(
    [
        pa.field("org", pa.string()),
        pa.field("version", pa.uint32()),
        pa.field("kind", pa.string()),
        pa.field("id", pa.string()),
        pa.field("body", pa.string()),
        pa.field("deleted", pa.bool_()),
        pa.field("actor", pa.string()),
        pa.field("at", pa.timestamp("ms", tz="UTC")),
    ]
)
"""Columns of the table `catalog`."""

_NEWEST = "(version, at, actor)"
_STATE = f"""
SELECT kind, id, argMax(body, {_NEWEST}) AS newest, argMax(deleted, {_NEWEST}) AS gone
FROM catalog
WHERE org = {{org:String}} AND kind IN {{kinds:Array(String)}} AND version <= {{version:UInt32}}
GROUP BY kind, id HAVING NOT gone ORDER BY kind, id
"""
_VERSION = "SELECT max(version) AS version FROM catalog WHERE org = {org:String} AND kind IN {kinds:Array(String)}"
_VERSIONS = """
SELECT org, max(version) AS version FROM catalog WHERE kind IN {kinds:Array(String)} GROUP BY org ORDER BY org
"""
_WRITTEN = """
SELECT kind, id, body, deleted, actor FROM catalog
WHERE org = {org:String} AND kind IN {kinds:Array(String)} AND version = {version:UInt32}
"""
_HISTORY = """
SELECT version, kind, id, body, deleted, actor, at, before, before_deleted FROM (
    SELECT version, kind, id, body, deleted, actor, at,
        lagInFrame(body) OVER document AS before, lagInFrame(deleted, 1, true) OVER document AS before_deleted
    FROM catalog
    WHERE org = {org:String} AND kind IN {kinds:Array(String)}
    WINDOW document AS (
        PARTITION BY kind, id ORDER BY version, at, actor ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
)
WHERE version > {after:UInt32} ORDER BY version DESC, kind, id
"""
_DOCUMENTS = f"""
SELECT org, id, max(version) AS newest_version, argMax(body, {_NEWEST}) AS newest_body,
    argMax(deleted, {_NEWEST}) AS gone, argMax(actor, {_NEWEST}) AS newest_actor, max(catalog.at) AS newest_at
FROM catalog
WHERE kind = {{kind:String}} AND (org = {{org:String}} OR {{every:Bool}})
GROUP BY org, id HAVING NOT gone ORDER BY org, id
"""
_DOCUMENTS_VERSION = "SELECT max(version) AS version FROM catalog WHERE kind = {kind:String}"


class CatalogConflict(StoreError):  # noqa: N818  (named as the rest of the tree)
    """Somebody else changed the catalog in between; read it again and repeat the change on what it says now."""


class Table(Protocol):
    """What the store needs of the warehouse."""

    def query(self, sql: str, params: Mapping[str, Any] = ..., /) -> pa.Table:
        """Return the rows of a SELECT; `{name:Type}` takes a parameter."""
        ...

    def insert(self, table: str, rows: pa.Table, /, *, token: str | None = None) -> None:
        """Append rows at once, unless rows went in under the same `token` before."""
        ...


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """The version the catalog has now and what changed; of a dry run, the version it stays at and what would change."""

    version: int
    diff: CatalogDiff


@dataclass(frozen=True, slots=True)
class Revision:
    """One entry of the audit log: who made a version, when, and what it changed."""

    version: int
    actor: str
    at: datetime
    diff: CatalogDiff


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document kept beside the catalog, as it was last written."""

    org: str
    id: str
    body: Body
    version: int
    actor: str
    at: datetime


class CatalogStore:
    """Reads and writes catalogs. Thread-safe; methods raise `StoreError`."""

    def __init__(self, warehouse: Table) -> None:
        self._table = warehouse
        self._writing = threading.Lock()

    def version(self, org: str) -> int:
        """Return the newest version; 0 before the first apply. One cheap query, made to be polled."""
        return _number(self._table.query(_VERSION, {"org": org, "kinds": list(CATALOG_KINDS)}))

    def versions(self) -> dict[str, int]:
        """Return the newest version of every organisation that has a catalog. One cheap query, made to be polled."""
        rows = self._table.query(_VERSIONS, {"kinds": list(CATALOG_KINDS)})
        return dict(zip(rows["org"].to_pylist(), rows["version"].to_pylist(), strict=True))

    def current(self, org: str) -> tuple[int, Catalog]:
        """Return the newest version and its catalog; version 0 is the empty catalog."""
        version = self.version(org)
        return version, self.at_version(org, version)

    def at_version(self, org: str, version: int) -> Catalog:
        """Return the catalog as it was at `version`."""
        return assemble(self._state(org, version))

    def apply(
        self,
        org: str,
        catalog: Catalog,
        *,
        actor: str,
        at: datetime,
        expected_version: int | None = None,
        dry_run: bool = False,
    ) -> ApplyResult:
        """Make `catalog` (already checked) the newest version; nothing is written when nothing differs.

        Raises `CatalogConflict` when the newest version is not `expected_version`, or when another process wrote
        the same version at the same moment.
        """
        with self._writing:
            version, old = self.current(org)
            if expected_version not in (None, version):
                raise CatalogConflict(
                    f"the catalog is at version {version}, not {expected_version}; read it again and repeat the change"
                )
            difference = diff(old, catalog)
            if not difference or dry_run:
                return ApplyResult(version, difference)
            rows = _rows(documents(old), documents(catalog))
            self._write(org, version + 1, rows, actor=actor, at=at, token=f"catalog/{org}/{version + 1}")
            self._confirm(org, version + 1, rows, actor)
            return ApplyResult(version + 1, difference)

    def history(self, org: str, limit: int = 50) -> tuple[Revision, ...]:
        """Return the newest `limit` revisions of the catalog, newest first."""
        after = max(self.version(org) - limit, 0)
        rows = self._table.query(_HISTORY, {"org": org, "kinds": list(CATALOG_KINDS), "after": after}).to_pylist()
        revisions: dict[int, list[dict[str, Any]]] = {}
        for row in rows:
            revisions.setdefault(row["version"], []).append(row)
        return tuple(
            Revision(version, changed[0]["actor"], changed[0]["at"], CatalogDiff.of(map(_change, changed)))
            for version, changed in revisions.items()
        )

    def documents(self, kind: DocumentKind, *, org: str | None = None) -> tuple[StoredDocument, ...]:
        """Return the documents of a kind kept beside the catalog, of one organisation or of all."""
        rows = self._table.query(_DOCUMENTS, {"kind": kind, "org": org or "", "every": org is None}).to_pylist()
        return tuple(
            StoredDocument(
                org=row["org"],
                id=row["id"],
                body=json.loads(row["newest_body"]),
                version=row["newest_version"],
                actor=row["newest_actor"],
                at=row["newest_at"],
            )
            for row in rows
        )

    def documents_version(self, kind: DocumentKind) -> int:
        """Return a number that rises with every change to a document of `kind`, in any organisation."""
        return _number(self._table.query(_DOCUMENTS_VERSION, {"kind": kind}))

    def put_document(
        self, org: str, kind: DocumentKind, document_id: str, content: Body, *, actor: str, at: datetime
    ) -> int:
        """Write a document kept beside the catalog and return its version."""
        return self._keep(org, kind, document_id, content, actor=actor, at=at)

    def delete_document(self, org: str, kind: DocumentKind, document_id: str, *, actor: str, at: datetime) -> int:
        """Remove a document kept beside the catalog; its rows stay as the audit log."""
        return self._keep(org, kind, document_id, None, actor=actor, at=at)

    def _keep(
        self, org: str, kind: DocumentKind, document_id: str, content: Body | None, *, actor: str, at: datetime
    ) -> int:
        if kind in CATALOG_KINDS:
            raise ValueError(f"documents of kind {kind!r} belong to the catalog; change them with apply")
        with self._writing:
            version = self.documents_version(kind) + 1
            self._write(org, version, [(kind, document_id, content)], actor=actor, at=at, token=None)
            return version

    def _state(self, org: str, version: int) -> dict[DocumentKey, Document]:
        rows = self._table.query(_STATE, {"org": org, "kinds": list(CATALOG_KINDS), "version": version}).to_pylist()
        return {(row["kind"], row["id"]): _document(row["kind"], row["newest"]) for row in rows}

    def _write(
        self,
        org: str,
        version: int,
        rows: Iterable[tuple[DocumentKind, str, Body | None]],
        *,
        actor: str,
        at: datetime,
        token: str | None,
    ) -> None:
        written = [
            {
                "org": org,
                "version": version,
                "kind": kind,
                "id": key,
                "body": "" if content is None else _text(content),
                "deleted": content is None,
                "actor": actor,
                "at": at,
            }
            for kind, key, content in rows
        ]
        self._table.insert("catalog", pa.Table.from_pylist(written, schema=ROWS), token=token)

    def _confirm(self, org: str, version: int, rows: list[tuple[DocumentKind, str, Body | None]], actor: str) -> None:
        """Raise unless the version is ours: of several writers of one version the token lets only the first in."""
        stored = self._table.query(_WRITTEN, {"org": org, "kinds": list(CATALOG_KINDS), "version": version}).to_pylist()
        ours = [
            (kind, key, "" if content is None else _text(content), content is None, actor)
            for kind, key, content in rows
        ]
        if sorted(tuple(row.values()) for row in stored) != sorted(ours):
            raise CatalogConflict(
                f"another process wrote version {version} of the catalog at the same moment; apply again"
            )


def _rows(
    old: Mapping[DocumentKey, Document], new: Mapping[DocumentKey, Document]
) -> list[tuple[DocumentKind, str, Body | None]]:
    keys = [*new, *(key for key in old if key not in new)]
    return [(*key, body(new[key]) if key in new else None) for key in keys if old.get(key) != new.get(key)]


def _document(kind: DocumentKind, text: str) -> Document:
    if kind == "organisation":
        return Organisation.model_validate_json(text)
    if kind == "order":
        return tuple(json.loads(text)["keys"])
    return SECTIONS[kind][1].model_validate_json(text)


def _change(row: Mapping[str, Any]) -> Any:
    kind: DocumentKind = row["kind"]
    before: Body | None = None if row["before_deleted"] or not row["before"] else json.loads(row["before"])
    if before is None and kind == "organisation":
        before = body(Organisation())
    return change_of((kind, row["id"]), before, None if row["deleted"] else json.loads(row["body"]))


def _text(content: Body) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _number(rows: pa.Table) -> int:
    return int(rows["version"][0].as_py())
