"""Numbered SQL migrations, each applied once, in order, and never changed after.

A file holds statements that end in `;` at a line's end. Each repeats harmlessly, so a run cut short is simply run
again; the row in `migrations` (version, name, SHA-256 of the file) is written after a file's last statement.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib import resources

import pyarrow as pa

from outlay_infra.errors import NewerSchema, SchemaError
from outlay_infra.warehouse.database import Database
from outlay_infra.warehouse.replicated import Replicas

_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_STATEMENT_END = re.compile(r";[ \t]*$", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*$", re.MULTILINE)

_TABLE = """
CREATE TABLE IF NOT EXISTS migrations
(version UInt32, name String, checksum String, at DateTime64(3, 'UTC') DEFAULT now64(3))
ENGINE = MergeTree ORDER BY version
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: `version` from its number, `name`, and its text."""

    version: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def statements(self) -> list[str]:
        """The statements, without comments."""
        return [part for piece in _STATEMENT_END.split(_COMMENT.sub("", self.text)) if (part := piece.strip())]

    def __str__(self) -> str:
        return f"{self.version:04d}_{self.name}"


def packaged() -> list[Migration]:
    """Return the migrations of this version, in order."""
    files = resources.files("outlay_infra.warehouse").joinpath("ddl").iterdir()
    found = [
        Migration(int(match[1]), match[2], file.read_text(encoding="utf-8"))
        for file in files
        if (match := _FILE.fullmatch(file.name))
    ]
    return sorted(found, key=lambda migration: migration.version)


def apply(database: Database, migrations: list[Migration], replicas: Replicas | None = None) -> list[str]:
    """Apply what is missing and return its names; raise `SchemaError` when the database went another way.

    With `replicas` the statements are those of replicated servers; checksums are of the files either way.
    """
    said = replicas.rendered if replicas is not None else str
    database.command(said(_TABLE.strip()))
    applied = _applied(database)
    _agree(migrations, applied)
    fresh = [migration for migration in migrations if migration.version not in applied]
    for migration in fresh:
        for statement in migration.statements:
            database.command(said(statement))
        row = {"version": migration.version, "name": migration.name, "checksum": migration.checksum}
        schema = pa.schema([("version", pa.uint32()), ("name", pa.string()), ("checksum", pa.string())])
        database.insert("migrations", pa.Table.from_pylist([row], schema))
    return [str(migration) for migration in fresh]


def pending(database: Database, migrations: list[Migration]) -> list[str]:
    """Return the names of migrations not applied yet, changing nothing."""
    exists = database.query("SELECT name FROM system.tables WHERE database = currentDatabase() AND name = 'migrations'")
    applied = _applied(database) if exists.num_rows else {}
    _agree(migrations, applied)
    return [str(migration) for migration in migrations if migration.version not in applied]


def _applied(database: Database) -> dict[int, tuple[str, str]]:
    rows = database.query(
        "SELECT version, any(name) AS name, any(checksum) AS checksum FROM migrations GROUP BY version"
    )
    return {row["version"]: (row["name"], row["checksum"]) for row in rows.to_pylist()}


def _agree(migrations: list[Migration], applied: dict[int, tuple[str, str]]) -> None:
    known = {migration.version: migration for migration in migrations}
    newest = max(known, default=0)
    for version, (name, checksum) in sorted(applied.items()):
        label = f"{version:04d}_{name}"
        if version > newest:
            raise NewerSchema(
                f"the database has migration {label}, this version ends at {newest:04d}; install the newer version"
            )
        if version not in known:
            raise SchemaError(f"migration {label} was applied but its file is missing; reinstall this version")
        if known[version].checksum != checksum:
            raise SchemaError(
                f"migration {label} was changed after it was applied; restore the file and add a new migration instead"
            )
    for version, migration in known.items():
        if version not in applied and version < max(applied, default=0):
            raise SchemaError(
                f"migration {migration} was never applied but newer ones were; restore the order of the files"
            )
