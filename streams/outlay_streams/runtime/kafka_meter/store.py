"""The store as meters and budgets workers use it: opened when it answers, for they run while it is away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import pyarrow as pa

from outlay_infra.catalog_store import CatalogStore
from outlay_infra.warehouse import Warehouse
from outlay_infra.warehouse.database import NONE, Parameters
from outlay_infra.warehouse.database import Settings as EngineSettings
from outlay_schemas.catalog import Catalog


class LazyStore:
    """Thread-safe; methods raise `StoreError` while the store is away."""

    def __init__(self, connect: Callable[[], Warehouse]) -> None:
        """Connect by `connect` on first use, and again until that succeeds."""
        self._connect = connect
        self._connecting = threading.Lock()
        self._warehouse: Warehouse | None = None

    def versions(self) -> Mapping[str, int]:
        """Return the newest version of every organisation that has a catalog."""
        return CatalogStore(self._opened()).versions()

    def at_version(self, org: str, version: int, /) -> Catalog:
        """Return the catalog of an organisation at a version."""
        return CatalogStore(self._opened()).at_version(org, version)

    def find_ids(self, hashes: pa.Array, /) -> pa.Table:
        """Return `id_hash`, `content_hash` of those identities (uint64) that the ledger holds."""
        return self._opened().find_ids(hashes)

    def query(self, sql: str, parameters: Parameters = NONE, settings: EngineSettings = NONE) -> pa.Table:
        """Return the rows of a SELECT, as `Warehouse.query` does."""
        return self._opened().query(sql, parameters, settings)

    def close(self) -> None:
        """Let go of the store."""
        with self._connecting:
            if self._warehouse is not None:
                self._warehouse.close()

    def _opened(self) -> Warehouse:
        with self._connecting:
            if self._warehouse is None:
                self._warehouse = self._connect()
            return self._warehouse
