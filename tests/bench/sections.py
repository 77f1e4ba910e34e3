"""What is measured, section by section."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from tests.bench.report import Figure, Plan

SECTIONS = {
    "prices": ("priced", "the price engine, beside genai-prices' own per-event pricing"),
    "core": ("core", "decode, dedupe, attribute, price and sum, without a store"),
    "budgets": ("budgets", "books of 10,000 budgets over the cells of a block"),
    "intake": ("intake", "events over HTTP into a real server, load generator on the same machine"),
    "storage": ("stored", "bytes an event on disk, with every table included"),
    "queries": ("queried", "the query API's questions on the stored events"),
    "streams": ("streams", "a meter on a real broker, beside a bare consumer and other stream processors"),
    "latency": ("streams_latency", "10,000 events a second until metered, in ClickHouse, in a budget's state"),
    "recovery": ("streams_recovery", "a budgets worker that is killed and started again with 10,000 rows"),
    "sdk": ("sdk", "what tracking costs the caller's thread, and how much one process delivers over HTTP"),
    "start": ("start", "start-up, empty and with the stored events"),
}
"""Section to its module, which has `run(plan) -> Sequence[Figure]`, and what it measures; run in this order."""


def measure(name: str, plan: Plan) -> Sequence[Figure]:
    """Run one section, in the process that calls it."""
    figures: Sequence[Figure] = import_module(f"tests.bench.{SECTIONS[name][0]}").run(plan)
    return figures
