"""The SDK: what `track` costs the thread that calls it, and how fast one process delivers to a far end that is fast."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.report import Figure, Plan
from tests.producers.far_end import FarEnd

CALLS = 20_000
PACE = 2_000
"""Calls a second while the caller's thread is timed: as much as a busy service makes, and more."""
BULK = 60_000


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
        Figure(name="memory it adds", value=found["mib"], unit="MiB", goal=20, note="over the bare client"),
        Figure(name="import outlay", value=found["import"], unit="ms", goal=60, note="with what tracking needs"),
        Figure(name="an instrumented call adds", value=found["adds"], unit="us", goal=100, note="openai, medians"),
    ]


def measure(url: str, spool: str) -> dict[str, float]:
    """Track and deliver in this process."""
    began = time.perf_counter()
    import outlay  # noqa: PLC0415 - its import is what is measured

    track = outlay.track
    imported = time.perf_counter() - began
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
    start_bulk = time.perf_counter()
    for number in range(BULK):
        track("openai", "gpt-5-mini", {"input_tokens": number, "output_tokens": 9})
        if not number % 5_000:
            outlay.flush(60)
    outlay.flush(60)
    rate = BULK / (time.perf_counter() - start_bulk)
    took.sort()
    outlay.flush(60)
    return {
        "adds": _call(instrumented=True) - _call(instrumented=False),
        "p50": took[CALLS // 2] / 1e3,
        "p99": took[CALLS * 99 // 100] / 1e3,
        "rate": rate,
        "mib": used,
        "import": imported * 1e3,
    }


def _call(*, instrumented: bool) -> float:
    """Return the median time of a chat completion that a mock answers, in microseconds."""
    import httpx2  # noqa: PLC0415 - loaded once the SDK's own memory is known
    import openai  # noqa: PLC0415

    import outlay  # noqa: PLC0415

    usage = {"prompt_tokens": 58, "completion_tokens": 17, "total_tokens": 75}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "gpt-5-mini", "choices": [], "usage": usage}
    transport = httpx2.MockTransport(lambda _request: httpx2.Response(200, json=body))
    took = []
    with outlay.testing.capture(), openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=transport)) as client:
        if instrumented:
            outlay.instrument(client)
        for _ in range(1_000):
            start = time.perf_counter_ns()
            client.chat.completions.create(model="gpt-5-mini", messages=[])
            took.append(time.perf_counter_ns() - start)
            outlay.flush(60)
    return sorted(took)[len(took) // 2] / 1e3


def _resident() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2])))
