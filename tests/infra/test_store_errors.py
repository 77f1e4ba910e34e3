"""Failures are named by whose fault they are, and told without the engine's own noise."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from outlay_infra.errors import (
    QueryError,
    QueryLimit,
    StoreError,
    StoreFull,
    StoreInUse,
    StoreReadOnly,
    StoreUnavailable,
)
from outlay_infra.warehouse import Warehouse
from outlay_infra.warehouse.dsn import Embedded, Server, parse_dsn
from outlay_infra.warehouse.failures import told_plainly

FULL = (
    "Code: 75. DB::ErrnoException: Cannot write to file /data/store/7e2/x/data.bin: , errno: 28, strerror: No space"
    " left on device. (CANNOT_WRITE_TO_FILE_DESCRIPTOR) (version 26.9.1.1)"
)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (DatabaseError(FULL, code=75), StoreFull),
        (
            DatabaseError(
                "Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)", code=243
            ),
            StoreFull,
        ),
        (OSError(28, "No space left on device"), StoreFull),
        (OSError(30, "Read-only file system"), StoreReadOnly),
        (
            DatabaseError("Code: 164. DB::Exception: Cannot execute query in readonly mode. (READONLY)", code=164),
            StoreReadOnly,
        ),
        (
            DatabaseError("Code: 159. DB::Exception: Timeout exceeded: elapsed 1 s. (TIMEOUT_EXCEEDED)", code=159),
            QueryLimit,
        ),
        (
            DatabaseError("Code: 241. DB::Exception: Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)", code=241),
            QueryLimit,
        ),
        (DatabaseError("Code: 62. DB::Exception: Syntax error. (SYNTAX_ERROR)", code=62), QueryError),
        (DatabaseError("Code: 252. DB::Exception: Too many parts. (TOO_MANY_PARTS)", code=252), StoreUnavailable),
        (OperationalError("Error HTTPConnectionPool(host='x'): connection refused"), StoreUnavailable),
        (
            RuntimeError(
                "Code: 76. DB::Exception: Cannot lock file /d/status. Another server instance in same directory"
            ),
            StoreInUse,
        ),
        (DatabaseError("Code: 49. DB::Exception: Logical error: something. (LOGICAL_ERROR)", code=1001), StoreError),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
def test_each_failure_has_its_class(failure: Exception, kind: type[StoreError]) -> None:
    with pytest.raises(StoreError) as told, told_plainly("writing to ledger"):
        raise failure

    assert type(told.value) is kind
    assert told.value.__cause__ is failure


def test_a_message_names_what_was_done_and_what_to_do() -> None:
    with pytest.raises(StoreFull) as told, told_plainly("writing to ledger"):
        raise DatabaseError(FULL, code=75)

    assert str(told.value).startswith("writing to ledger failed: Cannot write to file /data/store")
    assert str(told.value).endswith("free space on its disk and retry")
    assert "26.9" not in str(told.value)


def test_a_fault_of_ours_is_not_dressed_up_as_the_stores() -> None:
    with pytest.raises(ZeroDivisionError), told_plainly("counting"):
        raise ZeroDivisionError


def test_a_directory_held_by_another_process_is_in_use(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys\n"
        "from outlay_infra.errors import StoreInUse\n"
        "from outlay_infra.warehouse import Warehouse\n"
        "dsn = sys.argv[1]\n"
        "if len(sys.argv) == 2:\n"
        "    with Warehouse.open(dsn):\n"
        "        sys.exit(subprocess.run([sys.executable, __file__, dsn, 'again']).returncode)\n"
        "try:\n"
        "    Warehouse.open(dsn)\n"
        "except StoreInUse as error:\n"
        "    print(error)\n"
    )
    program = tmp_path / "twice.py"
    program.write_text(script)

    run = subprocess.run(
        [sys.executable, str(program), f"chdb://{tmp_path}/data"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("opening the store failed")
    assert "DB::Exception" not in run.stdout


def test_another_directory_in_this_process_is_refused(engine_dsn: str, tmp_path: Path) -> None:
    with pytest.raises(StoreInUse):
        Warehouse.open(f"chdb://{tmp_path}/elsewhere")


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable):
        Warehouse.open("clickhouse://127.0.0.1:1")


@pytest.mark.parametrize(
    ("dsn", "place"),
    [
        ("chdb:///var/lib/outlay", Embedded("/var/lib/outlay")),
        ("chdb:///with%20space", Embedded("/with space")),
        ("chdb://memory", Embedded(":memory:")),
        (
            "clickhouse://ann:s%40crt@db.example:9123",
            Server(host="db.example", port=9123, username="ann", password="s@crt", secure=False),
        ),
        ("clickhouse://db", Server(host="db", port=8123, username="default", password="", secure=False)),
        ("clickhouses://db", Server(host="db", port=8443, username="default", password="", secure=True)),
    ],
)
def test_a_dsn_names_a_place(dsn: str, place: Embedded | Server) -> None:
    assert parse_dsn(dsn) == place


@pytest.mark.parametrize(
    "dsn", ["", "postgres://db", "chdb://relative/dir", "chdb://", "clickhouse://", "clickhouse://db/other", "/var/lib"]
)
def test_a_wrong_dsn_is_refused_without_showing_a_password(dsn: str) -> None:
    with pytest.raises(StoreError):
        parse_dsn(dsn)


def test_a_password_never_shows_in_a_message() -> None:
    unescaped = [f"clickhouse://ann:{before}{one}secret@db" for before in ("", "12", "secret") for one in "/?#[]"]
    for dsn in (
        "postgres://ann:secret@db",
        "clickhouse://ann:secret@db/name",
        "chdb://ann:secret@x/y",
        "clickhouse://ann:p@db:secret",
        "clickhouse://ann:\u2100secret@db",
        "secret:x@db",
        *unescaped,
    ):
        with pytest.raises(StoreError) as told:
            parse_dsn(dsn)
        assert "secret" not in str(told.value)
