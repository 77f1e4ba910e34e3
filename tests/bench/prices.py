"""The price engine alone, on one core, beside genai-prices pricing the same events one by one."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from genai_prices import calc_price
from genai_prices.types import Usage

from outlay_streams.pricing import PriceBook
from tests import builders

BATCH = 10_000
PEER_EVENTS = 2_000
ROUNDS = 5
"""The best of so many counts: the others say what else the machine did."""
START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

SKUS = (
    ("openai", "gpt-5-mini", None, 30),
    ("openai", "gpt-5-mini", "batch", 12),
    ("openai", "gpt-5.4", "priority", 6),
    ("openai", "gpt-4o-2024-08-06", None, 8),
    ("openai", "text-embedding-3-small", None, 10),
    ("azure", "gpt-4o-mini", None, 8),
    ("anthropic", "claude-sonnet-4-5-20250929", None, 14),
    ("anthropic", "claude-opus-5", None, 4),
    ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", None, 6),
    ("google", "gemini-2.5-flash", None, 10),
    ("google", "gemini-2.5-pro", None, 4),
    ("mistral", "mistral-large-2411", None, 3),
    ("deepseek", "deepseek-chat", None, 5),
    ("groq", "llama-3.3-70b-versatile", None, 3),
    ("openrouter", "openai/gpt-4o", None, 3),
    ("openai", "gpt-99-preview", None, 1),
)
"""Provider, model, tier and weight: a few skus make most of the calls, one is unknown."""

EMBEDDING = "text-embedding-3-small"


def run(events: int) -> dict[str, Any]:
    """Return events a second: ours for plain and for dictionary-encoded text, the peer's, and the ratio."""
    batch = _batch()
    text = [name for name, kind in zip(batch.schema.names, batch.schema.types, strict=True) if kind == pa.string()]
    encoded = batch
    for name in text:
        encoded = encoded.set_column(batch.schema.get_field_index(name), name, batch[name].dictionary_encode())
    book = PriceBook.compile()
    cold = _seconds(lambda: book.price(batch))
    repeats = max(1, events // BATCH)
    plain = _rate(lambda: book.price(batch), repeats)
    dictionary = _rate(lambda: book.price(encoded), repeats)
    peer = _peer(batch)
    return {
        "events": repeats * BATCH,
        "batch": BATCH,
        "skus": len(SKUS),
        "events_per_second": plain,
        "events_per_second_dictionary_text": dictionary,
        "first_batch_seconds": cold,
        "genai_prices_events_per_second": peer,
        "times_genai_prices": plain / peer,
    }


def _batch() -> pa.Table:
    rng = random.Random(7)
    rows = []
    for provider, model, tier, _ in rng.choices(SKUS, weights=[weight for *_, weight in SKUS], k=BATCH):
        row: dict[str, Any] = {
            "provider": provider,
            "model": model,
            "service_tier": tier,
            "time": START + timedelta(milliseconds=rng.randrange(3_600_000)),
            "input_tokens": int(rng.lognormvariate(6.5, 1.2)),
        }
        if model != EMBEDDING:
            row["output_tokens"] = int(rng.lognormvariate(5.5, 1))
            row["cached_input_tokens"] = rng.choice((0, 0, int(rng.lognormvariate(7, 1))))
        if provider in ("openai", "azure") and model.startswith("gpt-5"):
            row["reasoning_tokens"] = rng.choice((0, int(rng.lognormvariate(6, 1))))
        if provider == "anthropic" and rng.random() < 0.1:
            row["quantities"] = {"web_searches": 1}
        rows.append(row)
    return builders.usage(*rows)


def _peer(batch: pa.Table) -> float:
    calls = []
    for row in batch.slice(0, PEER_EVENTS).to_pylist():
        if row["model"].startswith("gpt-99"):
            continue
        usage = Usage(
            input_tokens=row["input_tokens"] + row["cached_input_tokens"],
            cache_read_tokens=row["cached_input_tokens"],
            output_tokens=row["output_tokens"] + row["reasoning_tokens"],
            output_reasoning_tokens=row["reasoning_tokens"],
        )
        context = {"processing" if row["service_tier"] == "batch" else "service_tier": row["service_tier"] or "default"}
        calls.append((usage, row["model"], row["provider"], row["time"], context))

    def price_all() -> None:
        for usage, model, provider, at, context in calls:
            calc_price(usage, model, provider_id=provider, genai_request_timestamp=at, price_context=context)

    price_all()
    return len(calls) / min(_seconds(price_all) for _ in range(ROUNDS))


def _rate(work: Callable[[], object], repeats: int) -> float:
    work()
    rounds = max(1, repeats // ROUNDS)
    return BATCH * rounds / min(_seconds(lambda: [work() for _ in range(rounds)]) for _ in range(ROUNDS))


def _seconds(work: Callable[[], object]) -> float:
    """Return the processor time of `work`: what one core would need, whoever else is on the machine."""
    started = time.process_time()
    work()
    return time.process_time() - started
