"""The image's health check: what a role says of itself."""

from __future__ import annotations

import os
import subprocess
import sys
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry

from outlay_infra.settings import MonitorSettings
from outlay_streams.runtime.monitor import monitored
from tests.deploy.manifests import DEPLOY


def checked(port: int | None) -> int:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OUTLAY_")}
    environment |= {} if port is None else {"OUTLAY_HTTP__PORT": "1", "OUTLAY_MONITOR__PORT": str(port)}
    return subprocess.run([sys.executable, DEPLOY / "healthcheck.py"], env=environment, check=False).returncode


def test_a_role_that_turns_is_healthy_and_one_that_is_stuck_or_away_is_not() -> None:
    stuck: list[str] = []
    live = {"progress": lambda: stuck[0] if stuck else None}
    with monitored(MonitorSettings(), CollectorRegistry(), live=live, ready={}) as url:
        port = urlsplit(url).port
        assert checked(port) == 0
        stuck.append("no progress")
        assert checked(port) == 1
    assert checked(port) == 1
    assert checked(None) == 1
