"""The catalog as the core uses it: reading a file, checking it, comparing two, and the rules a meter runs by."""

from outlay_schemas.catalog_diff import CatalogDiff, DocumentChange, FieldChange, diff
from outlay_streams.catalog.check import check
from outlay_streams.catalog.problem import CatalogError, Problem
from outlay_streams.catalog.read import MAX_CATALOG_BYTES, read_catalog
from outlay_streams.catalog.rules import CatalogSnapshot, OrgRules, build_rules

__all__ = [
    "MAX_CATALOG_BYTES",
    "CatalogDiff",
    "CatalogError",
    "CatalogSnapshot",
    "DocumentChange",
    "FieldChange",
    "OrgRules",
    "Problem",
    "build_rules",
    "check",
    "diff",
    "read_catalog",
]
