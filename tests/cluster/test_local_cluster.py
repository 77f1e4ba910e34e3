"""`outlay cluster`: everything on this machine, from nothing to a proof, and nothing left of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from outlay_infra.warehouse import Warehouse
from tests.support.clickhouse_process import ClickHouseProcess
from tests.support.cluster import OUTLAY

PATIENCE = 280


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("OUTLAY_")}
    return {**own, "TMPDIR": str(tmp_path)}


def left_over(folder: Path) -> list[str]:
    """Return the processes that have `folder` in their environment or arguments, and what is in it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in told and process.name != str(os.getpid()):
            found.append((process / "cmdline").read_text().replace("\0", " "))
    return found + [str(path) for path in folder.glob("outlay-cluster-*")]


def test_once_it_sends_counts_proves_and_is_gone(
    kafka: str, clickhouse: ClickHouseProcess, environment: dict[str, str], tmp_path: Path
) -> None:
    command = [*OUTLAY, "cluster", "--once", "--events", "600", "--kafka", kafka, "--store", clickhouse.dsn]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "every one of 600 events is accounted for" in done.stderr
    assert left_over(tmp_path) == []
    assert not [
        name for name in AdminClient({"bootstrap.servers": kafka}).list_topics(timeout=30).topics if "outlay-" in name
    ]
    with Warehouse.open(clickhouse.dsn, database="any") as store:
        assert not store.query("SELECT name FROM system.databases WHERE startsWith(name, 'outlay_')").num_rows


@pytest.mark.fault
@pytest.mark.timeout(600)
def test_stopped_it_leaves_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    """With a broker and a store of its own; stopped while traffic flows."""
    command = [*OUTLAY, "cluster", "--events", "300", "--rate", "50", "--port", "0"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        told = ""
        for line in process.stdout:
            told += line
            if re.search(r"\d+ received = ", line):
                break
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=PATIENCE)[0]

    assert process.returncode == 0, told + rest
    assert "nothing of it stays" in rest
    assert left_over(tmp_path) == []


def test_broker_and_store_belong_together(environment: dict[str, str]) -> None:
    command = [*OUTLAY, "cluster", "--kafka", "127.0.0.1:9092"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE)

    assert done.returncode == 2
    assert "--kafka and --store belong together" in done.stderr
