"""The server as a process: what it acknowledged is there after SIGTERM, and what it refuses to start with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.api.conftest import event

PROGRAM = """
import sys
from pathlib import Path
from outlay_api.compose import serve
from outlay_infra.logging import configure
from outlay_infra.settings import Settings
settings = Settings.load(data=Path(sys.argv[1]), http={"host": sys.argv[2], "port": 0})
configure(settings.log)
serve(settings, announce=lambda url: print(url, flush=True))
print("down", flush=True)
"""


@contextmanager
def process(data: Path, host: str = "127.0.0.1") -> Iterator[subprocess.Popen[str]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OUTLAY_")}
    started = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(data), host],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def stopped(server: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """Stop the server as an orchestrator would and return its log."""
    server.send_signal(signal.SIGTERM)
    out, log = server.communicate(timeout=60)
    assert (server.returncode, out.splitlines()[-1]) == (0, "down"), log
    return [json.loads(line) for line in log.splitlines()]


def url(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    return server.stdout.readline().strip()


def test_what_was_acknowledged_is_there_after_a_restart(tmp_path: Path) -> None:
    with process(tmp_path) as server:
        first = url(server)
        sent = httpx.post(f"{first}/v1/events", json=[event(1), event(2)], headers={"x-request-id": "mine"})
        assert (sent.json()["accepted"], sent.headers["x-request-id"]) == (2, "mine")
        secret = httpx.post(f"{first}/v1/keys", json={"name": "ops", "scopes": ["admin"]}).json()["secret"]
        with process(tmp_path) as second:
            _, log = second.communicate(timeout=60)
            assert second.returncode != 0
            assert "DataDirectoryInUse" in log
        log = stopped(server)
    assert any(line["event"] == "request" and line.get("request_id") == "mine" for line in log)
    assert secret not in json.dumps(log)

    with process(tmp_path) as server:
        again = url(server)
        assert httpx.post(f"{again}/v1/events", json=event(1)).status_code == 401
        headers = {"authorization": f"Bearer {secret}"}
        sent = httpx.post(f"{again}/v1/events", json=[event(1), event(3)], headers=headers)
        assert (sent.json()["accepted"], sent.json()["duplicate"]) == (1, 1)
        stopped(server)


def test_it_is_ready_once_the_first_event_waits_for_nothing(tmp_path: Path) -> None:
    with process(tmp_path) as server:
        where = url(server)
        answers = (httpx.get(f"{where}/readyz") for _ in range(10_000))
        found = next(answer.json() for answer in answers if answer.status_code == 200)
        assert found["checks"] == dict.fromkeys(("store", "migrations", "writer", "rules", "server"), "ok")
        assert httpx.get(f"{where}/openapi.json").status_code == 200
        stopped(server)


def test_nobody_else_is_served_before_there_is_a_key(tmp_path: Path) -> None:
    with process(tmp_path, host="0.0.0.0") as server:
        out, log = server.communicate(timeout=60)
    assert (server.returncode, out) == (1, "")
    assert "StartError: http.host 0.0.0.0 is open to others and no API key exists" in log
