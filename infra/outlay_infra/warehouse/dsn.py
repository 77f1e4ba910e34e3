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


_ESCAPED = "write each / ? # @ and % of a password as %2F %3F %23 %40 and %25"


def parse_dsn(dsn: str) -> Embedded | Server:
    """Return what `dsn` names; raise `StoreError` when it is not one of the three forms.

    No message quotes any of it: where a password is not escaped, every part may be one of the password.
    """
    try:
        parts = urlsplit(dsn)
        port = parts.port
    except ValueError:
        raise StoreError(f"the store address cannot be read; {_ESCAPED}, and the port as a number") from None
    if parts.scheme == "chdb":
        return _embedded(parts.netloc, unquote(parts.path))
    if parts.scheme in {"clickhouse", "clickhouses"} and parts.hostname:
        if parts.path.strip("/") or parts.fragment:
            raise StoreError(
                f"the store address goes on after host and port; give the database by its own setting, and {_ESCAPED}"
            )
        secure = parts.scheme == "clickhouses"
        return Server(
            host=parts.hostname,
            port=port or (8443 if secure else 8123),
            username=unquote(parts.username or "default"),
            password=unquote(parts.password or ""),
            secure=secure,
            replicas=_replicas(parts.query),
        )
    raise StoreError("the store has no such address; write chdb:///directory, chdb://memory or clickhouse://host:8123")


def _replicas(query: str) -> Replicas | None:
    if not query:
        return None
    found = re.fullmatch(r"cluster=([A-Za-z0-9_.-]+)", query)
    if found is None:
        raise StoreError(
            "the store address asks for something else than a cluster; write ?cluster=NAME, or nothing for a single "
            f"server, and {_ESCAPED}"
        )
    return Replicas(found[1])


def _embedded(netloc: str, path: str) -> Embedded:
    if netloc == "memory" and path in {"", "/"}:
        return Embedded(":memory:")
    if netloc or not Path(path).is_absolute():
        raise StoreError(
            "the store address names no absolute directory; write chdb:///absolute/directory or chdb://memory"
        )
    return Embedded(path)
