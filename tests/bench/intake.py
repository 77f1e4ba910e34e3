"""Intake over HTTP: a real server on an empty folder, the load generator in a process of its own beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.bench.report import Figure, Plan, percentile
from tests.bench.serving import Served, serve
from tests.bench.traffic import write_template

BATCH = 500
WORKERS = 24
SINGLES_PER_SECOND = 50
_ALL_THREADS = "all threads; does not depend on what else the machine does"


def run(plan: Plan) -> Sequence[Figure]:
    """Return throughput, latency to the durable answer, memory, and time until an event is seen in `/v1/spend`."""
    template = plan.folder / "events.ndjson"
    write_template(template, count=20_000)
    quiet = min(plan.seconds, 20.0)
    with serve(plan.folder / "data", plan.folder / "server.log") as server:
        empty = server.memory_mib()
        idle = server.processor_seconds()
        bulk = _load(server, template, "batches", size=BATCH, workers=WORKERS, seconds=plan.seconds)
        busy = server.processor_seconds() - idle
        most = server.memory_mib("VmHWM")
        single = _load(server, template, "singles", rate=SINGLES_PER_SECOND, seconds=quiet, workers=32)
        seen = _load(server, template, "visible", probes=int(quiet * 5), pause=0.02, question=_question())
    rate = bulk["accepted"] / bulk["seconds"]
    return [
        Figure(name=f"durable events, batches of {BATCH}", value=rate, unit="events/s", goal=15_000, at_least=True),
        _latency("batch to durable answer, p50", bulk, 0.5, note=f"{WORKERS} connections, closed loop"),
        _latency("batch to durable answer, p99", bulk, 0.99, note=f"{bulk['accepted']:,} events, {bulk['busy']} busy"),
        Figure(
            name="processor time of the server", value=busy / bulk["accepted"] * 1e6, unit="us/event", note=_ALL_THREADS
        ),
        Figure(
            name="memory, most there ever was", value=most, unit="MiB", goal=1536, note=f"{empty:.0f} MiB when empty"
        ),
        _latency(f"single event at {SINGLES_PER_SECOND}/s, p50", single, 0.5),
        _latency(f"single event at {SINGLES_PER_SECOND}/s, p99", single, 0.99, goal=150),
        _latency("accepted to seen in /v1/spend, p50", seen, 0.5),
        _latency("accepted to seen in /v1/spend, p99", seen, 0.99, goal=1000, note=f"{len(seen['latencies'])} probes"),
    ]


def _question() -> str:
    now = datetime.now(UTC)
    window = {"from": now - timedelta(days=8), "to": now + timedelta(days=1)}  # events may be days late
    return "/v1/spend?" + urlencode({name: at.isoformat(timespec="seconds") for name, at in window.items()})


def _latency(name: str, found: dict[str, Any], share: float, **more: Any) -> Figure:
    return Figure(name=name, value=percentile(found["latencies"], share) * 1000, unit="ms", **more)


def _load(server: Served, template: Path, mode: str, **arguments: Any) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.load", server.url, str(template), mode, json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the load generator failed: {done.stderr[-3000:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
