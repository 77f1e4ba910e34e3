"""What it was measured on, with two yardsticks of the machine itself, so that two machines can be compared."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

_LIBRARIES = (
    "outlay",
    "chdb",
    "clickhouse-connect",
    "fastapi",
    "genai-prices",
    "polars",
    "pyarrow",
    "pydantic",
    "uvicorn",
)


def describe(folder: Path) -> dict[str, Any]:
    """Return the machine, its load before the run, its yardsticks and the versions of what is measured."""
    return {
        "cpu": _field(Path("/proc/cpuinfo"), "model name") or platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
        "python_loops_per_s": round(1_000_000 / _fastest(_loop)),
        "fsync_ms": round(_fastest(lambda: _fsync(folder)) * 1000, 2),
        "versions": {name: version(name) for name in _LIBRARIES},
    }


def _field(path: Path, name: str) -> str:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def _fastest(work: Callable[[], object]) -> float:
    """Return the seconds of the fastest of five runs: the least disturbed one."""
    spent = []
    for _ in range(5):
        started = time.perf_counter()
        work()
        spent.append(time.perf_counter() - started)
    return min(spent)


def _loop() -> int:
    total = 0
    for number in range(1_000_000):
        total += number & 7
    return total


def _fsync(folder: Path) -> None:
    path = folder / "fsync"
    with path.open("wb") as file:
        file.write(bytes(4096))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
