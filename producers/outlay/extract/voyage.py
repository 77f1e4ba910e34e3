"""Voyage: embeddings and rerank by the token, pictures by the pixel."""

from __future__ import annotations

from typing import Any

from outlay.extract._buckets import present
from outlay.extract._read import count, get, items, text
from outlay.extract._used import UNKNOWN, Used, Uses


def usage(response: Any, *, provider: str = "voyageai", model: str | None = None) -> Uses:
    """Return what a response was billed for; the objects of its Python library hold the counts themselves."""
    told = get(response, "usage") or response
    total = count(told, "total_tokens")
    if pixels := count(told, "image_pixels"):
        counts = {"input_tokens": count(told, "text_tokens"), "input_pixels": pixels}
    else:
        counts = {"input_tokens": total}
    if not any(counts.values()):
        return ()
    named = text(response, "model") or model or UNKNOWN
    operation = "rerank" if _is_ranking(response) else "embeddings"
    return (Used(provider=provider, model=named, quantities=present(counts), operation=operation),)


def _is_ranking(response: Any) -> bool:
    ranked = (*items(response, "data"), *items(response, "results"))
    return any(get(each, "relevance_score") is not None for each in ranked[:1])
