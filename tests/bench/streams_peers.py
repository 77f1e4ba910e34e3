"""Other stream processors doing a part of the meter's work on the same topic, each in an environment of its own.

uv makes the environments, pinned by the head of each script in `peers/`, in its cache.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pyarrow as pa

from outlay_schemas.codec import USAGE_EVENT
from outlay_schemas.units import FREQUENT

PEERS = ("bytewax", "quixstreams", "arroyo")
_FOLDER = Path(__file__).with_name("peers")
_PATIENCE = 600.0


def rates(bootstrap: str, topic: str, template: pa.Table, count: int) -> Iterator[tuple[str, float]]:
    """Yield each peer and how many events a second it decoded, priced and added up; all must find the same sums."""
    told = {"bootstrap": bootstrap, "topic": topic, "count": count, "schema": _lean(), "rates": _rates(template)}
    sums = set()
    for name in PEERS:
        found = _run(name, told)
        sums.add((found["events"], found["amount"], found["cells"]))
        yield name, found["rate"]
    if len(sums) != 1:
        raise RuntimeError(f"the peers did different work: {sums}")


def _run(name: str, told: dict[str, Any]) -> dict[str, Any]:
    command = [_uv(), "run", "--no-project", "--python", sys.executable, "--script", str(_FOLDER / f"{name}_peer.py")]
    done = subprocess.run(
        command, input=json.dumps(told), capture_output=True, text=True, check=False, timeout=_PATIENCE
    )
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise RuntimeError("there is no uv to make the peers' environments with; run make setup")
    return found


def _lean() -> Any:
    """Return the schema with instants as integers, which is quicker to read."""
    schema = deepcopy(USAGE_EVENT)
    for field in schema["fields"]:
        if field["name"] == "time":
            field["type"] = field["type"]["type"]
    return schema


def _rates(template: pa.Table) -> list[Any]:
    """Return a rate for every unit of every sku; which they are changes nothing about the work."""
    skus = template.select(["provider", "model"]).group_by(["provider", "model"]).aggregate([]).to_pylist()
    units = [[unit, 1_000 * (place + 1)] for place, unit in enumerate(FREQUENT)]
    return [[sku["provider"], sku["model"], units] for sku in skus]
