"""The catalogs metered by: the newest the store told of, kept on disk so that a meter can start while it is away."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

import structlog

from outlay_infra.errors import StoreError
from outlay_schemas.catalog import Catalog
from outlay_streams.catalog.rules import CatalogSnapshot, OrgRules, build_rules

_FILE = "catalogs.json"

_log = structlog.get_logger()


class CatalogSource(Protocol):
    """Where catalogs are kept. Methods raise `StoreError`."""

    def versions(self) -> Mapping[str, int]:
        """Return the newest version of every organisation that has a catalog."""
        ...

    def at_version(self, org: str, version: int, /) -> Catalog:
        """Return the catalog of an organisation at a version."""
        ...


class Catalogs:
    """The newest catalogs known. An organisation without one has the empty catalog, as in the store.

    `refresh` runs in one thread, `rules` in another.
    """

    def __init__(self, source: CatalogSource, folder: Path) -> None:
        """Begin with what `folder` has from an earlier run, if anything."""
        self._source = source
        self._path = folder / _FILE
        self._held: dict[str, CatalogSnapshot] = {}
        self._compiled: dict[str, OrgRules] = {}
        self._none = build_rules(CatalogSnapshot("", 0, Catalog()))
        self.refreshed: float | None = None
        """When the store last told of its catalogs, on the monotonic clock, in seconds."""
        self.known = self._load()
        """Whether anything is known, be it that there are no catalogs; until then nothing can be metered."""

    def rules(self, org: str) -> OrgRules:
        """Return what the newest catalog known of `org` says."""
        held = self._held.get(org)
        if held is None:
            return self._none
        compiled = self._compiled.get(org)
        if compiled is None or compiled.version != held.version:
            compiled = self._compiled[org] = build_rules(held)
        return compiled

    def snapshots(self) -> Mapping[str, CatalogSnapshot]:
        """Return the newest catalog known of every organisation that has one."""
        return self._held

    def refresh(self) -> list[str]:
        """Take in what changed in the store and return the organisations it changed for. Raises `StoreError`."""
        versions = self._source.versions()
        held = dict(self._held)
        changed = [org for org, version in versions.items() if org not in held or held[org].version != version]
        for org in changed:
            held[org] = CatalogSnapshot(org, versions[org], self._source.at_version(org, versions[org]))
        self._held = held
        if changed or not self.known:
            self._save(held)
        self.known = True
        self.refreshed = monotonic()
        return changed

    def _load(self) -> bool:
        try:
            saved: dict[str, dict[str, Any]] = json.loads(self._path.read_bytes())
            self._held = {
                org: CatalogSnapshot(org, one["version"], Catalog.model_validate(one["catalog"]))
                for org, one in saved.items()
            }
        except FileNotFoundError:
            return False
        except (OSError, ValueError, KeyError, TypeError) as error:
            _log.warning("saved_catalogs_unreadable", path=str(self._path), error=str(error), fix="the store is asked")
            return False
        return True

    def _save(self, held: Mapping[str, CatalogSnapshot]) -> None:
        """Keep the catalogs; a disk that fails costs only a start without the store."""
        documents = {
            org: {"version": one.version, "catalog": one.catalog.model_dump(mode="json", by_alias=True)}
            for org, one in held.items()
        }
        part = self._path.with_suffix(f".{os.getpid()}.part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(documents, ensure_ascii=False), "utf-8")
            part.replace(self._path)
        except OSError as error:
            _log.warning("catalogs_not_saved", path=str(self._path), error=str(error))


class CatalogWatch:
    """Refreshes catalogs in a thread of its own, for a store that is away answers late."""

    def __init__(self, catalogs: Catalogs, *, seconds: float) -> None:
        """Begin at once, and again after every `seconds`."""
        self._catalogs = catalogs
        self._seconds = seconds
        self._stopping = threading.Event()
        self.asked = threading.Event()
        """Set once the store was asked, whatever it answered."""
        self._thread = threading.Thread(target=self._watch, name="catalogs", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Begin no further refresh; one under way ends with the process."""
        self._stopping.set()

    def _watch(self) -> None:
        failing = False
        while not self._stopping.is_set():
            try:
                for org in self._catalogs.refresh():
                    _log.info("catalog_changed", org=org, version=self._catalogs.rules(org).version)
                failing = False
            except StoreError as error:
                if not failing:
                    _log.warning(
                        "catalogs_not_refreshed", error=str(error), effect="metering goes on by the last known"
                    )
                failing = True
            except Exception:  # noqa: BLE001 - the watch outlives any fault
                _log.exception("catalog_watch_fault")
            self.asked.set()
            self._stopping.wait(self._seconds)
