"""The keys in memory: found by digest, refreshed when the catalog's version moves, last uses remembered coarsely."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from outlay_api.auth.keys import ApiKey, digest, well_formed
from outlay_infra.catalog_store import CatalogStore
from outlay_infra.errors import StoreError
from outlay_schemas.catalog import DocumentKind

FRESH = timedelta(seconds=2)
"""How long another process's change of keys may go unnoticed."""
LAST_USE_STEP = timedelta(minutes=1)

_log = structlog.get_logger("outlay.auth")


class KeyDocuments(Protocol):
    """Where keys are kept, across organisations."""

    def version(self) -> int:
        """Return a number that rises with every change."""
        ...

    def api_keys(self) -> Iterable[ApiKey]:
        """Return every key that was not deleted."""
        ...


class KeyRing:
    """Answers whose a secret is, without I/O while `fresh`."""

    def __init__(self, documents: KeyDocuments) -> None:
        """Start empty; the first `refresh` reads the keys."""
        self._documents = documents
        self._by_digest: dict[str, ApiKey] = {}
        self._used: dict[str, datetime] = {}
        self._version = -1
        self._checked: datetime | None = None
        self._away = False
        self._refreshing = threading.Lock()

    def fresh(self, now: datetime) -> bool:
        """Return whether the keys were compared with the catalog lately."""
        return self._checked is not None and abs(now - self._checked) < FRESH

    def refresh(self, now: datetime) -> None:
        """Read the keys again if they changed; blocking, may raise `StoreError`."""
        with self._refreshing:
            self._read(now)

    def renew(self, now: datetime) -> None:
        """Refresh, unless another thread is at it already: what is known serves until that one is done.

        It also serves while the store is away, for intake needs nothing else of it; it is asked again after `FRESH`.
        """
        if self._checked is None:
            self.refresh(now)
        elif self._refreshing.acquire(blocking=False):
            try:
                self._read(now)
                self._away = False
            except StoreError as error:
                self._checked = now
                if not self._away:
                    _log.warning("keys_not_compared", error=str(error), effect="the keys known last go on serving")
                self._away = True
            finally:
                self._refreshing.release()

    def _read(self, now: datetime) -> None:
        version = self._documents.version()
        if version != self._version:
            self._by_digest = {key.sha256: key for key in self._documents.api_keys()}
            self._version = version
        self._checked = now

    @property
    def empty(self) -> bool:
        """Whether no key exists, so that only this machine is served."""
        return not self._by_digest

    def find(self, secret: str, now: datetime) -> ApiKey | None:
        """Return the key with this secret and note its use, or None; expired keys are returned too."""
        if not well_formed(secret):
            return None
        wanted = digest(secret)
        key = self._by_digest.get(wanted)
        if key is None or not hmac.compare_digest(key.sha256, wanted):
            return None
        used = self._used.get(key.id)
        if used is None or now - used >= LAST_USE_STEP:
            self._used[key.id] = now
        return key

    def last_use(self, key_id: str) -> datetime | None:
        """Return when this process last saw the key, to the minute."""
        return self._used.get(key_id)


class StoredKeys:
    """The keys as documents of the catalog store."""

    KIND: DocumentKind = "api_key"

    def __init__(self, catalog: CatalogStore) -> None:
        """Read and write through `catalog`."""
        self._catalog = catalog

    def version(self) -> int:
        """Return a number that rises with every change."""
        return self._catalog.documents_version(self.KIND)

    def api_keys(self, org: str | None = None) -> list[ApiKey]:
        """Return every key that was not deleted, of one organisation or of all, oldest first."""
        stored = sorted(self._catalog.documents(self.KIND, org=org), key=lambda kept: kept.version)
        return [ApiKey.model_validate({**kept.body, "id": kept.id, "org": kept.org}) for kept in stored]

    def put(self, key: ApiKey, *, actor: str, at: datetime) -> None:
        """Keep `key`."""
        body = key.model_dump(mode="json", exclude={"id", "org"})
        self._catalog.put_document(key.org, self.KIND, key.id, body, actor=actor, at=at)

    def delete(self, key: ApiKey, *, actor: str, at: datetime) -> None:
        """Forget `key`; who did so and when stays in the catalog's history."""
        self._catalog.delete_document(key.org, self.KIND, key.id, actor=actor, at=at)
