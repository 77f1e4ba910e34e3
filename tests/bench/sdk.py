"""The SDK: what `track` costs the thread that calls it, and how fast one process delivers to a far end that is fast."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import httpx2
import openai

import outlay
from tests.bench.report import Figure, Plan
from tests.producers.far_end import FarEnd

CALLS = 20_000
PACE = 2_000
"""Calls a second while the caller's thread is timed: as much as a busy service makes, and more."""
BULK = 60_000
IMPORTS = 7
PAIRS = 1_000


def run(plan: Plan) -> Sequence[Figure]:
    """Return the caller's cost of a call and the rate of delivery, measured in a process of its own."""
    with FarEnd().serving() as far_end:
        command = [sys.executable, "-m", "tests.bench.sdk", far_end.url, str(plan.folder / "spool")]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        assert len(far_end.events) == CALLS + BULK + 1
    return [
        Figure(name="track(), median", value=found["p50"], unit="us", goal=10, note=f"{PACE} calls/s, delivering"),
        Figure(name="track(), p99", value=found["p99"], unit="us", goal=50, note="the same"),
        Figure(name="delivered over HTTP", value=found["rate"], unit="events/s", goal=20_000, at_least=True),
        Figure(name="processor time", value=found["busy"], unit="us/event", note="all threads of the process"),
        Figure(name="memory it adds", value=found["mib"], unit="MiB", goal=20, note="over the bare client"),
        Figure(name="import outlay", value=_imported(), unit="ms", goal=60, note="with what tracking needs"),
        Figure(name="an instrumented call adds", value=found["adds"], unit="us", goal=100, note="openai, medians"),
    ]


def _imported() -> float:
    """Return the best of some imports, each in a process of its own: the others say what else the machine did."""
    program = (
        "import time; began = time.perf_counter(); import outlay; outlay.track; print(time.perf_counter() - began)"
    )
    command = [sys.executable, "-c", program]
    times = [float(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(IMPORTS)]
    return min(times) * 1e3


def measure(url: str, spool: str) -> dict[str, float]:
    """Track and deliver in this process."""
    began = time.perf_counter()
    track = outlay.track
    with outlay.Client(url) as client:
        client.send([{"time": "2026-01-01T00:00:00Z", "provider": "p", "model": "m", "source": "bare"}])
    before = _resident()
    outlay.init(server=url, spool=Path(spool), app="bench", team="search")
    took = []
    with outlay.scope(user="u-17", experiment="a"):
        for number in range(CALLS):
            at = began + number / PACE
            start = time.perf_counter_ns()
            track("openai", "gpt-5-mini", {"input_tokens": number, "output_tokens": 9}, latency_ms=3)
            took.append(time.perf_counter_ns() - start)
            if (left := at - time.perf_counter()) > 0:
                time.sleep(left)
    outlay.flush(60)
    used = _resident() - before
    start_bulk, spent = time.perf_counter(), time.process_time()
    for number in range(BULK):
        track("openai", "gpt-5-mini", {"input_tokens": number, "output_tokens": 9})
        if not number % 5_000:
            outlay.flush(60)
    outlay.flush(60)
    rate = BULK / (time.perf_counter() - start_bulk)
    busy = (time.process_time() - spent) / BULK
    took.sort()
    outlay.flush(60)
    return {
        "adds": _added(),
        "busy": busy * 1e6,
        "p50": took[CALLS // 2] / 1e3,
        "p99": took[CALLS * 99 // 100] / 1e3,
        "rate": rate,
        "mib": used,
    }


def _added() -> float:
    """Return what metering adds to a chat completion that a mock answers, in microseconds: medians, taken in turn."""
    usage = {"prompt_tokens": 58, "completion_tokens": 17, "total_tokens": 75}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "gpt-5-mini", "choices": [], "usage": usage}
    transport = httpx2.MockTransport(lambda _request: httpx2.Response(200, json=body))
    bare, metered = (openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=transport)) for _ in "ab")
    took: dict[openai.OpenAI, list[int]] = {bare: [], outlay.instrument(metered): []}
    with outlay.testing.capture(), bare, metered:
        for _ in range(PAIRS):
            for client, times in took.items():
                start = time.perf_counter_ns()
                client.chat.completions.create(model="gpt-5-mini", messages=[])
                times.append(time.perf_counter_ns() - start)
            outlay.flush(60)
    return (statistics.median(took[metered]) - statistics.median(took[bare])) / 1e3


def _resident() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2])))
