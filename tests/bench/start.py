"""Start-up with data: a real server on the stored events, from the start of the process until it is ready."""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench.report import Figure, Plan
from tests.bench.serving import serve


def run(plan: Plan) -> Sequence[Figure]:
    """Return the start-up time on an empty folder and on the store, the first start after a load and the next one."""
    log = plan.folder / "server.log"
    figures = []
    for name, data in (("empty folder", plan.folder / "empty"), ("stored events", plan.store), ("again", plan.store)):
        with serve(data, log) as server:
            note = f"{server.memory_mib():.0f} MiB resident"
            figures.append(Figure(name=f"ready, {name}", value=server.ready_after, unit="s", note=note))
    return figures
