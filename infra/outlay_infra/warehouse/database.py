"""What the parts of the warehouse need of an engine: rows out, statements and rows in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Protocol

import pyarrow as pa

Parameters = Mapping[str, Any]
Settings = Mapping[str, str | int]
NONE: Mapping[str, Any] = MappingProxyType({})


class Queries(Protocol):
    """The asking half of a database."""

    def query(self, sql: str, parameters: Parameters = NONE, settings: Settings = NONE) -> pa.Table:
        """Return the rows of a SELECT; `{name:Type}` in `sql` takes `parameters[name]`."""
        ...


class Database(Queries, Protocol):
    """One database. Thread-safe; every method raises `StoreError` alone."""

    def stream(self, sql: str, parameters: Parameters = NONE, settings: Settings = NONE) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a SELECT as they are read, holding one batch at a time."""
        ...

    def command(self, sql: str, parameters: Parameters = NONE) -> None:
        """Run a statement that returns nothing."""
        ...

    def insert(self, table: str, rows: pa.Table, *, token: str | None = None) -> None:
        """Insert `rows` as one block; a repeat under the same `token` changes nothing."""
        ...


class Tables(Database, Protocol):
    """A database with the right to make and drop tables."""

    def everywhere(self, statement: str) -> None:
        """Run a statement that makes or drops a table, on every replica there is."""
        ...


def quoted(text: str) -> str:
    """Return `text` as an SQL literal, where no parameter may stand."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
