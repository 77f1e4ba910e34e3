"""The rules of each organisation, compiled once a catalog version."""

from __future__ import annotations

import threading

from outlay_infra.catalog_store import CatalogStore
from outlay_streams.catalog.rules import CatalogSnapshot, OrgRules, build_rules


class Rulebook:
    """Compiles an organisation's catalog on first use and again when told; safe from several threads."""

    def __init__(self, catalog: CatalogStore) -> None:
        """Read catalogs from `catalog`."""
        self._catalog = catalog
        self._rules: dict[str, OrgRules] = {}
        self._compiling = threading.Lock()

    def rules(self, org: str) -> OrgRules:
        """Return the organisation's rules; may raise `StoreError` on first use."""
        known = self._rules.get(org)
        return self.refresh(org) if known is None else known

    def refresh(self, org: str) -> OrgRules:
        """Compile the newest catalog of the organisation unless that is done; may raise `StoreError`."""
        with self._compiling:
            known, version = self._rules.get(org), self._catalog.version(org)
            if known is not None and known.version == version:
                return known
            rules = build_rules(CatalogSnapshot(org, version, self._catalog.at_version(org, version)))
            self._rules = {**self._rules, org: rules}
            return rules
