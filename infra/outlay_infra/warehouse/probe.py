"""A store looked at without changing anything."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from outlay_infra.warehouse.dsn import parse_dsn
from outlay_infra.warehouse.engine import connect
from outlay_infra.warehouse.failures import told_plainly
from outlay_infra.warehouse.warehouse import Warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What a store answered."""

    version: str
    """The engine's."""
    database: bool
    """Whether the database is there."""
    pending: tuple[str, ...] = ()
    """Migrations that wait, where the database is there."""


def probe(dsn: str, database: str) -> Probed:
    """Ask the store who it is and what it holds. Raises `StoreError`."""
    with told_plainly("reaching the store"), closing(connect(parse_dsn(dsn), None)) as client:
        version = str(client.command("SELECT version()"))
        there = client.command("SELECT count() FROM system.databases WHERE name = {name:String}", {"name": database})
    if not int(str(there)):
        return Probed(version=version, database=False)
    with Warehouse.open(dsn, database=database) as warehouse:
        return Probed(version=version, database=True, pending=tuple(warehouse.pending_migrations()))
