"""The server: what it listens on, takes in, answers, keeps and logs."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import (
    Field,
)

from outlay_infra.settings.group import MIB, Group


class HttpSettings(Group):
    """The HTTP server."""

    host: str = "127.0.0.1"
    """Address to listen on. Anything but loopback needs an API key first (`outlay keys create`)."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8321
    """Port to listen on; 0 takes a free one."""
    body_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """Longest time the body of one request may take to arrive, before it is answered 408."""
    shutdown_seconds: Annotated[int, Field(ge=1, le=300)] = 8
    """Longest wait for open requests at shutdown."""

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)


class IntakeSettings(Group):
    """Limits of what is taken in, and how it is grouped."""

    body_bytes: Annotated[int, Field(ge=1024, le=1024 * MIB)] = 32 * MIB
    """Largest request body, in bytes after decompression."""
    events: Annotated[int, Field(ge=1, le=100_000)] = 10_000
    """Most events in one request."""
    queue_events: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000
    """Most events waiting for the store; beyond it requests are answered 503 with Retry-After."""
    linger_ms: Annotated[int, Field(ge=0, le=1_000)] = 0
    """Longest wait for a fuller group; events that arrive while one is committed form the next anyway."""
    group_events: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    """Most events committed as one block."""
    stop_seconds: Annotated[float, Field(ge=1, le=300)] = 20.0
    """Longest wait at shutdown for what is queued to be written, after open requests were answered."""


class QuerySettings(Group):
    """The most that one question to the API may take; beyond it the question is answered 400, with what to narrow."""

    seconds: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """Longest time the store may work on an answer."""
    download_seconds: Annotated[float, Field(gt=0, le=86_400)] = 600.0
    """The same for CSV, NDJSON, Parquet and Arrow, which are sent as they are read: the caller's reading counts too."""
    memory_bytes: Annotated[int, Field(ge=MIB, le=1024 * 1024 * MIB)] = 1024 * MIB
    """Most memory the store may use for an answer."""


class LedgerSettings(Group):
    """What is kept and for how long."""

    dedupe_days: Annotated[int, Field(ge=1, le=3660)] = 30
    """How long ids stay in memory; older ones are looked up in the store."""
    dedupe_ids: Annotated[int, Field(ge=1000, le=1_000_000_000)] = 10_000_000
    """Most ids kept in memory, at most 16 bytes each; the oldest leave first."""
    retention_days: Annotated[int, Field(ge=1, le=36_600)] | None = None
    """Days raw entries are kept, rounded up to whole months; absent keeps them for ever. Rollups always stay."""

    @property
    def dedupe_horizon(self) -> timedelta:
        """How far back ids are kept in memory."""
        return timedelta(days=self.dedupe_days)


class LogSettings(Group):
    """Logs: one JSON object a line on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe level written."""
    format: Literal["json", "console"] = "json"
    """`json` for machines, `console` for people."""
    access: bool = True
    """Whether every request is logged; health checks and metrics never are."""


def is_loopback(host: str) -> bool:
    """Return whether `host` names this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
