"""Statements in, Arrow out, over either engine: the only file that knows clickhouse-connect and chDB."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.binding import quote_identifier
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from outlay_infra.errors import StoreError
from outlay_infra.warehouse import embedded
from outlay_infra.warehouse.database import NONE, Parameters, Settings, quoted
from outlay_infra.warehouse.dsn import Embedded, Server, parse_dsn
from outlay_infra.warehouse.failures import told_plainly
from outlay_infra.warehouse.pool import Pool
from outlay_infra.warehouse.replicated import QUORUM, SYNCED

logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())  # errors tell what it would

READERS = 12
WRITERS = 4
"""Handles kept for each: however many slow readers there are, a write finds a free one."""

SESSION: dict[str, Any] = {
    "async_insert": 0,
    "input_format_null_as_default": 0,
    "max_partitions_per_insert_block": 0,
    "min_insert_block_size_rows": 1_000_000_000,
    "min_insert_block_size_bytes": 0,
    "output_format_arrow_string_as_string": 1,
}
"""An insert is one block of one token, whatever its size; a null never turns into a zero; text arrives as text."""

EMBEDDED_SESSION = {**SESSION, "output_format_arrow_compression_method": "none"}


class Engine:
    """One database of one engine. Thread-safe; every method raises `StoreError` alone."""

    def __init__(self, dsn: str, *, database: str) -> None:
        self._place = parse_dsn(dsn)
        self.database = database
        self.replicas = self._place.replicas if isinstance(self._place, Server) else None
        self._readers = Pool(lambda: connect(self._place, database), size=READERS)
        self._writers = Pool(lambda: connect(self._place, database), size=WRITERS)
        with told_plainly("opening the store"), ExitStack() as opened:
            first = opened.enter_context(closing(_first(self._place)))
            everywhere = f" {self.replicas.everywhere}" if self.replicas else ""
            first.command(f"CREATE DATABASE IF NOT EXISTS {quote_identifier(database)}{everywhere}")
            self._held = opened.pop_all()  # keeps the embedded engine open while handles come and go
        if self.replicas is not None:
            self._sync()

    @property
    def remote(self) -> bool:
        """Whether a server works for us, which goes on when we end."""
        return isinstance(self._place, Server)

    def query(self, sql: str, parameters: Parameters = NONE, settings: Settings = NONE) -> pa.Table:
        """Return the rows of a SELECT; `{name:Type}` in `sql` takes `parameters[name]`."""
        with told_plainly("the query"), self._readers.lend() as client:
            body = client.raw_query(sql + _clause(settings), dict(parameters), fmt="Arrow")
        return pa.ipc.open_file(pa.py_buffer(body)).read_all()

    def stream(self, sql: str, parameters: Parameters = NONE, settings: Settings = NONE) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a SELECT as they are read, holding one batch at a time."""
        with told_plainly("the query"), self._readers.lend() as client:
            statement = sql + _clause(settings)
            if isinstance(self._place, Embedded):
                yield from embedded.stream(
                    self._place.path,
                    database=self.database,
                    session=EMBEDDED_SESSION,
                    sql=statement,
                    parameters=parameters,
                )
            else:
                with client.query_arrow_stream(statement, dict(parameters)) as batches:
                    yield from batches

    def command(self, sql: str, parameters: Parameters = NONE) -> None:
        """Run a statement that returns nothing."""
        with told_plainly("the statement"), self._writers.lend() as client:
            client.command(sql, dict(parameters))

    def everywhere(self, statement: str) -> None:
        """Run a statement that makes or drops a table, on every replica there is."""
        self.command(statement if self.replicas is None else self.replicas.for_all(statement))

    def insert(self, table: str, rows: pa.Table, *, token: str | None = None) -> None:
        """Insert `rows` as one block; a repeat under the same `token` changes nothing."""
        once: Settings = {"insert_deduplicate": 0}
        if token:
            once = {"insert_deduplicate": 1, "insert_deduplication_token": token}
        with told_plainly(f"writing to {table}"), self._writers.lend() as client:
            client.insert_arrow(table, rows.combine_chunks(), settings={**once, "max_threads": 1})

    def _sync(self) -> None:
        """Wait until this replica has what the others took, so that what it does not hold is held nowhere."""
        for table in self.query(SYNCED)["name"].to_pylist():
            self.command(f"SYSTEM SYNC REPLICA {quote_identifier(table)}")

    def close(self) -> None:
        """Let the engine go."""
        self._readers.close()
        self._writers.close()
        self._held.close()


def _first(place: Embedded | Server) -> Client:
    try:
        return connect(place, None)
    except ClickHouseError:
        if isinstance(place, Embedded):
            embedded.explain_refusal(place.path)
        raise


def connect(place: Embedded | Server, database: str | None) -> Client:
    """Return a handle, which serves one thread at a time; `database` None opens none."""
    if isinstance(place, Embedded):
        return clickhouse_connect.get_client(
            interface="chdb", path=place.path, database=database, settings=EMBEDDED_SESSION, show_clickhouse_errors=True
        )
    return clickhouse_connect.get_client(
        interface="https" if place.secure else "http",
        host=place.host,
        port=place.port,
        username=place.username,
        password=place.password,
        database=database,
        settings=SESSION if place.replicas is None else SESSION | QUORUM,
        autogenerate_session_id=False,
        form_encode_query_params=True,
        show_clickhouse_errors=True,
    )


def _clause(settings: Settings) -> str:
    for name in settings:
        if not name.isidentifier():
            raise StoreError(f"{name!r} is not the name of a setting")
    pairs = (
        f"{name} = " + (str(value) if isinstance(value, int) else quoted(value)) for name, value in settings.items()
    )
    return f"\nSETTINGS {', '.join(pairs)}" if settings else ""
