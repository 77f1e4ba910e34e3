"""Cohere: chat, embeddings, rerank, classify and parse, by what is billed rather than by what was read."""

from __future__ import annotations

from typing import Any

from outlay.extract._buckets import input_side, present
from outlay.extract._read import count, first, get, number, text
from outlay.extract._used import UNKNOWN, Used, Uses


def usage(response: Any, *, provider: str = "cohere", model: str | None = None) -> Uses:
    """Return what a response, or the `message-end` event of a stream, was billed for; the caller names the model."""
    told = first(response, "usage") or get(response, "delta", "usage") or get(response, "meta")
    billed = get(told, "billed_units")
    if billed is None:
        return ()
    images, words = count(billed, "image_tokens"), count(billed, "text_tokens")
    given = input_side(count(billed, "input_tokens") or images + words, modal={"image": images})
    counts = {
        **given.units,
        "output_tokens": count(billed, "output_tokens"),
        "rerank_searches": number(get(billed, "search_units")) or 0,
        "classifications": number(get(billed, "classifications")) or 0,
        "input_document_pages": number(get(billed, "pages")) or 0,
    }
    pictures = number(get(billed, "images")) or 0
    if pictures and not images:
        counts["images"] = pictures
    operation = "rerank" if counts["rerank_searches"] else None
    return (
        Used(
            provider=provider, model=text(response, "model") or model or UNKNOWN, quantities=present(counts),
            operation=operation, request_id=text(response, "id"), estimated=not given.exact,
        ),
    )  # fmt: skip
