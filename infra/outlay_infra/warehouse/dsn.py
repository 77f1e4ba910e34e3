"""Where the store is: `chdb:///directory`, `chdb://memory`, `clickhouse://user:pass@host:port` (TLS: `clickhouses`).

A server that is a replica of others: `clickhouse://user:pass@host:port?cluster=NAME`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from outlay_infra.errors import StoreError
from outlay_infra.warehouse.replicated import Replicas


@dataclass(frozen=True, slots=True)
class Embedded:
    """The engine inside this process; `path` is a directory or `:memory:`."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A ClickHouse server's HTTP interface."""

    host: str
    port: int
    username: str
    password: str
    secure: bool
    replicas: Replicas | None = None


def parse_dsn(dsn: str) -> Embedded | Server:
    """Return what `dsn` names; raise `StoreError` when it is not one of the three forms."""
    parts = urlsplit(dsn)
    if parts.scheme == "chdb":
        return _embedded(parts.netloc, unquote(parts.path))
    if parts.scheme in {"clickhouse", "clickhouses"} and parts.hostname:
        if parts.path.strip("/"):
            raise StoreError(f"the store address ends in {parts.path!r}; give the database name by its own setting")
        secure = parts.scheme == "clickhouses"
        return Server(
            host=parts.hostname,
            port=parts.port or (8443 if secure else 8123),
            username=unquote(parts.username or "default"),
            password=unquote(parts.password or ""),
            secure=secure,
            replicas=_replicas(parts.query),
        )
    raise StoreError(
        f"{parts.scheme!r} is no store address; write chdb:///directory, chdb://memory or clickhouse://host:8123"
    )


def _replicas(query: str) -> Replicas | None:
    if not query:
        return None
    found = re.fullmatch(r"cluster=([A-Za-z0-9_.-]+)", query)
    if found is None:
        raise StoreError(f"the store address says {query!r}; write ?cluster=NAME, or nothing for a single server")
    return Replicas(found[1])


def _embedded(netloc: str, path: str) -> Embedded:
    if netloc == "memory" and path in {"", "/"}:
        return Embedded(":memory:")
    if netloc or not Path(path).is_absolute():
        raise StoreError(f"{path!r} is no absolute directory; write chdb:///absolute/directory or chdb://memory")
    return Embedded(path)
