"""The price engine on columnar batches, beside genai-prices pricing the same events one by one in the same run."""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench import prices
from tests.bench.report import Figure, Plan

EVENTS = 2_000_000


def run(_plan: Plan) -> Sequence[Figure]:
    """Return rates on one core; they do not depend on the plan."""
    found = prices.run(EVENTS)
    return [
        Figure(
            name="priced",
            value=found["events_per_second"],
            unit="events/s",
            goal=2_000_000,
            at_least=True,
            note=f"batches of {found['batch']:,}, {found['skus']} skus, one core",
        ),
        Figure(
            name="priced, dictionary-encoded text",
            value=found["events_per_second_dictionary_text"],
            unit="events/s",
        ),
        Figure(
            name="first batch", value=found["first_batch_seconds"] * 1000, unit="ms", note="every sku resolved anew"
        ),
        Figure(name="genai-prices, one by one", value=found["genai_prices_events_per_second"], unit="events/s"),
        Figure(name="beside genai-prices", value=found["times_genai_prices"], unit="times as fast"),
    ]
