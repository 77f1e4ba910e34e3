"""OpenAI: chat, responses, embeddings, images, audio, realtime, batches, moderation; and all who speak its formats."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from outlay.extract._buckets import Side, output_side, present
from outlay.extract._openai_shape import ACCENTS, PLAIN, chat_sides, responses_sides, searches
from outlay.extract._read import Number, count, first, get, items, moment, money, number, text
from outlay.extract._used import UNKNOWN, UNMETERED, Used, Uses, identified

_ENDED = frozenset({"completed", "expired", "cancelled", "failed"})


def usage(response: Any, *, provider: str = "openai", model: str | None = None) -> Uses:
    """Return what a response, or an event that closes one, was billed for; `model` where the response has none.

    Providers with these formats: Azure OpenAI, Groq, DeepSeek, xAI, OpenRouter, Together, Fireworks, Perplexity, ...
    """
    inner = get(response, "response")
    if inner is not None and get(response, "type") is not None:
        return usage(inner, provider=provider, model=model)
    if (body := get(inner, "body")) is not None:
        return _batch_line(response, body, provider, model)
    for is_it, read in _SHAPES:
        if is_it(response):
            return read(response, provider, model)
    return ()


def chat(response: Any, provider: str, model: str | None) -> Uses:
    """Read a chat completion or its last chunk."""
    told = first(response, "usage") or get(response, "x_groq", "usage")
    if told is None:
        return (_used(response, provider, model, {UNMETERED: 1}, operation="chat", estimated=True),)
    quantities, exact = _joined(*chat_sides(told, ACCENTS.get(provider, PLAIN)))
    web = count(told, "num_search_queries")
    cost = _cost(told)
    return (
        _used(
            response, provider, model, {**quantities, **present({"web_searches": web})},
            operation="chat", provider_cost=cost, estimated=not exact,
        ),
    )  # fmt: skip


def responses(response: Any, provider: str, model: str | None) -> Uses:
    """Read a response, a compaction or a decision: its own tokens, and those of the models its tools used."""
    told = get(response, "usage")
    if told is None and get(response, "status") in {"queued", "in_progress"}:
        return ()
    quantities, exact = _joined(*responses_sides(told)) if told is not None else ({UNMETERED: 1}, False)
    own = _used(
        response, provider, model, {**quantities, **searches(response)},
        operation="compaction" if get(response, "object") == "response.compaction" else "responses",
        provider_cost=_cost(told), estimated=not exact,
        outcome="error" if get(response, "status") == "failed" else "ok",
    )  # fmt: skip
    found = (own, *_images_within(response, provider), *_drawings(response, provider, items(response, "output")))
    if get(response, "background") is True:
        return identified(found, text(response, "id"), time=_ended(response))
    return found


def run(response: Any, provider: str, model: str | None) -> Uses:
    """Read a run of an assistant, which says its usage once it has ended, and may be read again and again."""
    if get(response, "usage") is None:
        return ()
    quantities, exact = _joined(*chat_sides(get(response, "usage"), ACCENTS.get(provider, PLAIN)))
    own = _used(response, provider, model, quantities, operation="run", estimated=not exact)
    return identified((own,), text(response, "id"), time=_ended(response))


def video(response: Any, provider: str, model: str | None) -> Uses:
    """Read a video that is being made: by the second, and by the size as a tag, both known from the begin."""
    seconds, size = number(get(response, "seconds")), text(response, "size")
    if not seconds or get(response, "status") == "failed":
        return ()
    tags = {"size": size} if size else {}
    own = _used(response, provider, model, {"video_seconds": seconds}, operation="video", tags=tags)
    return identified((own,), text(response, "id"), time=moment(get(response, "created_at")))


def realtime(response: Any, provider: str, model: str | None) -> Uses:
    """Read a turn of a realtime session; earlier turns are input again, and billed again."""
    quantities, exact = _joined(*responses_sides(get(response, "usage")))
    told = get(response, "usage")
    more = {"audio_seconds": number(get(told, "billable_audio_seconds")) or 0,
            "input_text_messages": count(told, "input_text_messages")}  # fmt: skip
    quantities = {**quantities, **present(more)}
    return (_used(response, provider, model, quantities, operation="realtime", estimated=not exact),)


def embeddings(response: Any, provider: str, model: str | None) -> Uses:
    """Read a list of embeddings."""
    tokens = count(response, "usage", "prompt_tokens") or count(response, "usage", "total_tokens")
    return (_used(response, provider, model, present({"input_tokens": tokens}), operation="embeddings"),)


def images(response: Any, provider: str, model: str | None) -> Uses:
    """Read generated images: by tokens where there are any, else by number, with what the price depends on as tags."""
    told = get(response, "usage")
    tags = {name: value for name in ("size", "quality") if (value := text(response, name))}
    if told is None:
        made = sum(1 for _ in items(response, "data"))
        return (_used(response, provider, model, present({"images": made}), operation="images", tags=tags),)
    given, made_side = responses_sides(told)
    if get(told, "output_tokens_details") is None:
        made_side = output_side(count(told, "output_tokens"), modal={"image": count(told, "output_tokens")})
    quantities, exact = _joined(given, made_side)
    own = _used(response, provider, model, quantities, operation="images", tags=tags, estimated=not exact)
    return (own, *_drawings(response, provider, (response, *items(response, "data"))))


def transcription(response: Any, provider: str, model: str | None) -> Uses:
    """Read a transcription: by tokens, or by time."""
    told = get(response, "usage")
    seconds = number(first(told, "seconds") if told is not None else get(response, "duration"))
    if seconds is not None:
        return (_used(response, provider, model, present({"input_audio_seconds": seconds}), operation="transcription"),)
    quantities, exact = _joined(*responses_sides(told))
    return (_used(response, provider, model, quantities, operation="transcription", estimated=not exact),)


def live(response: Any, provider: str, model: str | None) -> Uses:
    """Read the running total of a live session; only the last one counts."""
    told = first(response, "usage") or get(response, "session", "usage")
    seconds = number(get(told, "seconds")) or 0
    return (_used(response, provider, model, present({"audio_seconds": seconds}), operation="realtime"),)


def batch(response: Any, provider: str, model: str | None) -> Uses:
    """Read a batch that has ended, as one event; its output lines say the same and must not be read too."""
    if get(response, "status") not in _ENDED or get(response, "usage") is None:
        return ()
    quantities, exact = _joined(*responses_sides(get(response, "usage")))
    calls = count(response, "request_counts", "completed")
    if not quantities:
        return ()
    own = _used(
        response, provider, model, {**quantities, **present({"requests": calls})},
        service_tier="batch", operation="batch", estimated=not exact,
    )  # fmt: skip
    return identified((own,), text(response, "id"), time=_ended(response))


def moderation(response: Any, provider: str, model: str | None) -> Uses:
    """Read a moderation: a call that costs nothing, counted as one."""
    return (_used(response, provider, model, {"requests": 1}, operation="moderation"),)


def speech(*, model: str, characters: int, provider: str = "openai") -> Uses:
    """Say what speech costs: its answer is sound alone, so the caller counts the characters that were spoken."""
    return (Used(provider=provider, model=model, quantities={"input_characters": characters}, operation="speech"),)


def _batch_line(line: Any, body: Any, provider: str, model: str | None) -> Uses:
    read = usage(body, provider=provider, model=model)
    return identified(read, text(line, "id"), service_tier="batch")


def _images_within(response: Any, provider: str) -> Uses:
    told = get(response, "tool_usage", "image_gen")
    if not count(told, "total_tokens"):
        return ()
    named = (text(tool, "model") for tool in items(response, "tools") if get(tool, "type") == "image_generation")
    quantities, exact = _joined(*responses_sides(told))
    model = next((name for name in named if name), "image_generation")
    return (
        Used(
            provider=provider, model=model, quantities=quantities, operation="images",
            request_id=text(response, "id"), estimated=not exact,
        ),
    )  # fmt: skip


def _drawings(response: Any, provider: str, holders: Any) -> Uses:
    """Return the second models that drew vector images, each under its own name."""
    found = []
    for holder in holders:
        told = get(holder, "svg_usage")
        if told is None:
            continue
        total, thought = (
            count(told, "output_tokens"),
            min(count(told, "reasoning_tokens"), count(told, "output_tokens")),
        )
        quantities = {"input_tokens": count(told, "input_tokens"), "output_tokens": total - thought,
                      "reasoning_tokens": thought}  # fmt: skip
        found.append(
            Used(
                provider=provider, model=text(told, "model") or UNKNOWN, quantities=present(quantities),
                operation="images", request_id=text(response, "id"),
            )
        )  # fmt: skip
    return tuple(found)


def _used(
    response: Any, provider: str, model: str | None, quantities: dict[str, Number], *, service_tier: str | None = None,
    **more: Any,
) -> Used:  # fmt: skip
    return Used(
        provider=provider,
        model=text(response, "model") or model or UNKNOWN,
        quantities=quantities,
        service_tier=service_tier or text(response, "service_tier") or text(response, "usage", "service_tier"),
        request_id=text(response, "id"),
        **more,
    )


def _joined(given: Side, made: Side) -> tuple[dict[str, Number], bool]:
    return {**given.units, **made.units}, given.exact and made.exact


def _ended(response: Any) -> str | None:
    names = ("completed_at", "expired_at", "cancelled_at", "failed_at", "created_at")
    return moment(first(response, *names))


def _cost(told: Any) -> Decimal | None:
    """Return what the provider says the call cost: with one's own key at a router, the router's fee is on top."""
    cost = get(told, "cost")
    if cost is None:
        return None
    if number(cost) is None:
        return money(get(cost, "total_cost"))
    upstream = money(get(told, "cost_details", "upstream_inference_cost")) if get(told, "is_byok") is True else None
    return (money(cost) or Decimal(0)) + (upstream or Decimal(0))


def _object(*names: str) -> Callable[[Any], bool]:
    return lambda response: get(response, "object") in names


def _type(*names: str) -> Callable[[Any], bool]:
    return lambda response: get(response, "type") in names


def _is_transcription(response: Any) -> bool:
    if get(response, "usage", "type") in {"tokens", "duration"}:
        return True
    return (
        get(response, "usage") is None and get(response, "duration") is not None and get(response, "text") is not None
    )


def _is_images(response: Any) -> bool:
    plain = (
        get(response, "object") is None and get(response, "created") is not None and get(response, "choices") is None
    )
    return plain and (get(response, "data") is not None or get(response, "usage", "input_tokens") is not None)


def _has(*path: str) -> Callable[[Any], bool]:
    return lambda response: get(response, *path) is not None


_SHAPES: tuple[tuple[Callable[[Any], bool], Callable[[Any, str, str | None], Uses]], ...] = (
    (_object("batch"), batch),
    (_object("realtime.response"), realtime),
    (_object("thread.run"), run),
    (_object("video"), video),
    (_object("response", "response.compaction"), responses),
    (_object("chat.completion", "chat.completion.chunk", "text_completion"), chat),
    (_type("session.usage.updated", "session.closed"), live),
    (_type("image_generation.completed", "image_edit.completed"), images),
    (_is_transcription, transcription),
    (_has("usage", "completion_tokens"), chat),
    (_has("x_groq", "usage"), chat),
    (_is_images, images),
    (_has("usage", "prompt_tokens"), embeddings),
    (_has("usage", "input_tokens"), responses),
    (_has("usage", "total_tokens"), embeddings),
    (_has("results"), moderation),
)
