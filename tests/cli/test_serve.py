"""`outlay serve` as a process of its own, and other processes that want its data."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

OUTLAY = (sys.executable, "-c", "from outlay_api.cli import main; main()")


@dataclass(frozen=True)
class Serving:
    """A running server."""

    process: subprocess.Popen[str]
    url: str
    data: Path


def outlay(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [*OUTLAY, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Serving]:
    data = tmp_path / "data"
    command = [*OUTLAY, "serve", "--data", str(data), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            told = ""
            for line in process.stderr:
                told += line
                if found := re.search(r"at (http://127\.0\.0\.1:\d+)", told):
                    yield Serving(process, found[1], data)
                    return
            pytest.fail(f"the server did not start: {told}")
        finally:
            if process.poll() is None:
                process.kill()


def test_it_tells_its_url_once_it_answers(server: Serving) -> None:
    assert httpx.get(f"{server.url}/livez").json() == {"status": "ok"}


def test_a_served_ledger_is_used_over_http_and_outlives_its_server(server: Serving, usage_csv: Path) -> None:
    imported = outlay("import", usage_csv, "--set", "provider=openai", "--server", server.url, "--format", "json")
    assert imported.returncode == 0, imported.stderr

    taken = outlay("spend", "--data", server.data)
    assert taken.returncode == 1
    assert f"process {server.process.pid}" in taken.stderr
    assert "--server" in taken.stderr

    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(60) == 0

    november = ("--from", "2026-11-01", "--to", "2026-12-01", "--exact")
    reported = outlay("spend", "--by", "app", *november, "--data", server.data)
    assert reported.returncode == 0, reported.stderr
    assert re.search(r"chat +0\.0085 +2", reported.stdout)
