"""Bytes an event on disk, and the rates of loading: more than a year of a mid-sized company's events."""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench import storage
from tests.bench.report import Figure, Plan


def run(plan: Plan) -> Sequence[Figure]:
    """Fill the plan's store and return its sizes; a store that is filled already is left as it is, unmeasured."""
    if plan.store.exists():
        return []
    found = storage.run(plan.events, directory=plan.store / "ledger")
    raw = found.tables["ledger"][1] / found.events
    derived = {name: size / found.events for name, (_, size) in found.tables.items() if name != "ledger"}
    parts = ", ".join(f"{name} {size:.1f}" for name, size in sorted(derived.items(), key=lambda item: -item[1])[:5])
    return [
        Figure(name="every table", value=found.bytes_an_event, unit="bytes/event", goal=85, note="after merges"),
        Figure(name="raw ledger", value=raw, unit="bytes/event", goal=52, note=parts),
        Figure(name="load, 10,000 rows a block", value=found.loaded / found.inserting, unit="events/s"),
        Figure(name="slowest block", value=found.slowest_block * 1000, unit="ms"),
        Figure(name="merge everything", value=found.merging, unit="s"),
        Figure(name="open", value=found.opening, unit="s"),
    ]
