"""The roles of a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    Field,
    StringConstraints,
)

from outlay_infra.settings.group import MIB, Group


class MeterSettings(Group):
    """A meter of the cluster: `outlay run meter`."""

    instance: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None = None
    """Name of this process, the same after a restart and unlike any other meter's: a killed meter that comes back
    under its name goes on at once. Absent takes a random one; then the others wait until the brokers miss it."""
    state: Path | None = None
    """Folder for the newest catalog known, so that a meter can start while the store is away; absent is `data`."""
    batch_events: Annotated[int, Field(ge=1, le=1_000_000)] = 20_000
    """Most events taken from the topics for one transaction."""
    batch_bytes: Annotated[int, Field(ge=MIB, le=1024 * MIB)] = 32 * MIB
    """Most bytes of them, above which no more are gathered."""
    gather_ms: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Longest wait for a fuller batch."""
    ahead_bytes: Annotated[int, Field(ge=MIB, le=1024 * MIB)] = 64 * MIB
    """Most bytes read ahead of the metering."""
    catalog_seconds: Annotated[float, Field(gt=0, le=3600)] = 5.0
    """How often the store is asked for changes of the catalogs."""
    poison_run: Annotated[int, Field(ge=0)] = 1_000
    """So many refused records in a row, in one partition, stop the meter; 0 never does."""
    poison_percent: Annotated[int, Field(ge=1, le=100)] = 50
    """So large a share of refused records among the last 10 x `poison_run` of a partition stops it likewise."""
    session_seconds: Annotated[float, Field(ge=6, le=1800)] = 10.0
    """How long the brokers wait for a sign of life before the others take its partitions over."""
    transaction_seconds: Annotated[float, Field(ge=1, le=900)] = 15.0
    """How long the brokers wait for the end of a transaction whose process is gone."""


class LoaderSettings(Group):
    """A loader of the cluster: `outlay run loader`."""

    parallel: Annotated[int, Field(ge=1, le=64)] = 2
    """Partitions stored at once."""
    group_blocks: Annotated[int, Field(ge=1, le=1_000)] = 64
    """Most blocks of a partition stored together."""
    session_seconds: Annotated[float, Field(ge=1, le=1800)] = 10.0
    """How long the brokers wait for a sign of life before the others take its partitions over."""


class BudgetsSettings(Group):
    """A budgets worker of the cluster: `outlay run budgets`."""

    instance: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None = None
    """Name of this process, the same after a restart and unlike any other worker's: a killed one that comes back under
    its name goes on at once. Absent takes none; then the others wait until the brokers miss it."""
    store: Literal["memory", "rocksdb"] = "memory"
    """Where rows are held beside the log: `rocksdb` keeps them in `data`, and a restart reads only what changed."""
    publish_ms: Annotated[int, Field(ge=1, le=10_000)] = 100
    """How often the states of budgets are published at most."""
    keep_ms: Annotated[int, Field(ge=1, le=60_000)] = 1_000
    """How often rows are written to the log; a worker that takes over reads so much again."""
    catalog_seconds: Annotated[float, Field(gt=0, le=3600)] = 5.0
    """How often the store is asked for changes of the catalogs, and for the past of new budgets."""
    session_seconds: Annotated[float, Field(ge=6, le=60)] = 10.0
    """How long the brokers wait for a sign of life before the others take its partitions over."""


class MonitorSettings(Group):
    """Health and metrics of the cluster's workers; `http` is the API's."""

    host: str = "127.0.0.1"
    """Address of `/livez`, `/readyz` and `/metrics`."""
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Port of them; 0 takes a free one, which the log names."""
