"""Questions of callers: each may take so much of the engine's time and memory, and no more.

What the ledger does for itself (recovery, checks, rebuilds) is not limited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from outlay_infra.warehouse import ids
from outlay_infra.warehouse.database import NONE, Database, Parameters, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLimits:
    """The most one question may take; beyond it `QueryLimit` is raised."""

    seconds: float = 30.0
    """Time until the rows are there."""
    stream_seconds: float = 600.0
    """Time until the last batch of a stream was fetched; a slow reader takes its own time of it."""
    nbytes: int = 1024**3
    """Memory of the engine."""


class Reader:
    """Reads for callers, within limits. Thread-safe; methods raise `StoreError`, `QueryLimit` among them.

    What was acknowledged before a question is in its answer; `StoreUnavailable` says that it cannot be yet.
    """

    def __init__(self, database: Database, limits: ReadLimits, own_writes: Callable[[], None]) -> None:
        """Ask `database`, after `own_writes` returned: it waits for what was acknowledged before."""
        self._database = database
        self._limits = limits
        self._own_writes = own_writes

    def query(self, sql: str, parameters: Parameters = NONE, settings: Settings = NONE) -> pa.Table:
        """Return the rows of a SELECT; `{name:Type}` in `sql` takes `parameters[name]`."""
        self._own_writes()
        return self._database.query(sql, parameters, {**self._settings(self._limits.seconds), **settings})

    def stream(self, sql: str, parameters: Parameters = NONE) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a SELECT batch by batch; close the iterator to stop early."""
        self._own_writes()
        return self._database.stream(sql, parameters, self._settings(self._limits.stream_seconds))

    def find_entries(self, org: str, identity: str, source: str | None = None) -> pa.Table:
        """Return the entries (schema `ENTRIES`) of one event id, from any source unless one is named."""
        return ids.find_entries(self, org, identity, source)

    def _settings(self, seconds: float) -> Settings:
        return {"max_execution_time": f"{seconds:g}", "max_memory_usage": self._limits.nbytes}
