"""Where the engine inside this process differs from a server: how it streams, and that it refuses in silence."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
from clickhouse_connect.driver.binding import bind_query, quote_identifier

from outlay_infra.errors import StoreInUse
from outlay_infra.warehouse.database import Parameters, Settings, quoted


def stream(
    path: str, *, database: str, session: Settings, sql: str, parameters: Parameters
) -> Iterator[pa.RecordBatch]:
    """Yield batches as they are read: each block arrives as a whole Arrow stream, which no file format could join."""
    import chdb  # noqa: PLC0415  (half a gigabyte that a server's client never needs)

    bound, named = bind_query(sql, dict(parameters), None)
    values = {name.removeprefix("param_"): value for name, value in named.items()}
    with closing(chdb.connect(path)) as handle:
        handle.query(f"USE {quote_identifier(database)}")
        for name, value in session.items():
            handle.query(f"SET {name} = {quoted(str(value))}")
        chunks: Any = handle.send_query(bound, "ArrowStream", params=values)
        with closing(chunks):
            for chunk in chunks:
                yield from pa.ipc.open_stream(chunk.bytes())


def explain_refusal(path: str) -> None:
    """Raise what keeps the engine from opening `path`, if that can be seen: the engine itself does not say.

    Raises `StoreInUse` when another process holds it, `OSError` when it cannot be written.
    """
    if not Path(path).is_dir():  # in memory, or never made
        return
    with tempfile.TemporaryFile(dir=path) as probe:
        probe.write(b"\0" * 4096)
    status = Path(path) / "status"
    if not status.exists():
        return
    with status.open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreInUse(
                f"opening the store failed: another process holds {path}; stop it or choose another directory"
            ) from None
