"""The tables of replicated servers, made from the very statements of a single one.

A deployment's tables are replicated over one ClickHouse cluster of one shard. Several shards are several deployments:
an organisation belongs to one of them, so no block, sum or answer ever spans two (`infra/deploy/README.md`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TABLE = re.compile(r"\A(CREATE TABLE IF NOT EXISTS|ALTER TABLE) (\w+)", re.IGNORECASE)
_ASIDE = re.compile(r"\A(CREATE TABLE|DROP TABLE IF EXISTS) (\w+)")
_ENGINE = re.compile(r"\bENGINE = (\w*MergeTree)(?:\(((?:[^()]|\([^()]*\))*)\))?")
_WINDOW = re.compile(r"\bnon_replicated_deduplication_window = (\d+)")
_PATH = "'/clickhouse/tables/{uuid}/{shard}', '{replica}'"
_SECONDS = 7 * 24 * 3600
"""How long a token is known; nothing rests on it alone, for tables are asked what they hold."""

QUORUM = {"insert_quorum": "auto"}
"""An insert is done once most replicas have it: the loader notes its offset then, and one of them may be gone.

Where they do not answer in time, the replica asked keeps the rows and the insert fails. The next try finds them there
and goes on: until the others fetch them, which they do when they are back, such rows are on that replica alone.
"""

SYNCED = "SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(engine, 'Replicated')"
"""Tables to wait for before a replica is believed: another may have taken what it does not have yet."""


@dataclass(frozen=True, slots=True)
class Replicas:
    """A cluster by its name in the servers' `remote_servers`, whose servers have the macros `shard` and `replica`."""

    cluster: str

    @property
    def everywhere(self) -> str:
        """The clause that makes a statement one of all replicas."""
        return f"ON CLUSTER '{self.cluster}'"

    def rendered(self, statement: str) -> str:
        """Return a statement of the schema as it is said to replicated servers."""
        made = _TABLE.sub(lambda found: f"{found[0]} {self.everywhere}", statement)
        made = _ENGINE.sub(_replicated, made)
        windows = rf"replicated_deduplication_window = \1, replicated_deduplication_window_seconds = {_SECONDS}"
        return _WINDOW.sub(windows, made)

    def for_all(self, statement: str) -> str:
        """Return a statement that makes or drops a table, as one of all replicas."""
        return _ASIDE.sub(lambda found: f"{found[0]} {self.everywhere}", statement)


def _replicated(found: re.Match[str]) -> str:
    arguments = f"{_PATH}, {found[2]}" if found[2] else _PATH
    return f"ENGINE = Replicated{found[1]}({arguments})"
