"""`track_response` and `@metered`: the usage of responses, functions, coroutines and streams."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import Any

import pytest

import outlay
from outlay.testing import capture

CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-5-mini",
    "service_tier": "default",
    "usage": {"prompt_tokens": 30, "completion_tokens": 12, "total_tokens": 42},
}
MESSAGE = {
    "type": "message",
    "id": "m",
    "model": "claude-opus-4-6",
    "usage": {
        "input_tokens": 4,
        "output_tokens": 9,
        "iterations": [{"type": "compaction", "input_tokens": 100, "output_tokens": 10}],
    },
}
CHUNKS: list[dict[str, Any]] = [
    {"id": "c", "object": "chat.completion.chunk", "model": "gpt-5-mini", "choices": [{"delta": {"content": "a"}}]},
    {
        "id": "c",
        "object": "chat.completion.chunk",
        "model": "gpt-5-mini",
        "choices": [],
        "usage": {"prompt_tokens": 7, "completion_tokens": 1, "total_tokens": 8},
    },
]


def test_a_response_in_hand() -> None:
    with capture() as usage, outlay.scope(team="search"):
        outlay.track_response(CHAT, "openai", latency_ms=812, project="ranking", id="call-1")
        (event,) = usage.events
    assert (event.id, event.model, event.team, event.project) == ("call-1", "gpt-5-mini", "search", "ranking")
    assert event.quantities == {"input_tokens": 30, "output_tokens": 12}
    assert (event.request_id, event.latency_ms, event.service_tier) == ("chatcmpl-1", 812, "default")


def test_a_response_of_two_models_is_two_events() -> None:
    with capture() as usage:
        outlay.track_response(MESSAGE, "anthropic", latency_ms=5, id="call-1")
        first, second = usage.events
    assert (first.id, second.id) == ("call-1", "call-1-1")
    assert (first.latency_ms, second.latency_ms, second.operation) == (5, None, "compaction")


def test_a_response_that_cannot_be_read_is_told_and_costs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Hostile:
        @property
        def usage(self) -> object:
            raise RuntimeError("no")

    with capture() as usage, caplog.at_level(logging.WARNING, "outlay"):
        outlay.track_response(Hostile(), "openai")
        outlay.track_response(None, "openai")
        assert usage.events == []
    assert "cannot be read" in caplog.text


def test_a_function() -> None:
    @outlay.metered("openai", team="search")
    def ask(question: str) -> dict[str, Any]:
        """Ask."""
        return {**CHAT, "asked": question}

    with capture() as usage:
        assert ask("why?")["asked"] == "why?"
        (event,) = usage.events
    assert (event.quantities, event.team) == ({"input_tokens": 30, "output_tokens": 12}, "search")
    assert event.latency_ms is not None
    assert ask.__doc__ == "Ask."


def test_a_function_that_fails_fails_as_before() -> None:
    @outlay.metered("openai")
    def ask() -> None:
        raise KeyError("x")

    with capture() as usage:
        with pytest.raises(KeyError):
            ask()
        assert usage.events == []


async def test_a_coroutine() -> None:
    @outlay.metered("openai")
    async def ask() -> dict[str, Any]:
        await asyncio.sleep(0)
        return CHAT

    with capture() as usage:
        assert await ask() is CHAT
        assert [event.model for event in usage.events] == ["gpt-5-mini"]


def test_work_of_ones_own() -> None:
    @outlay.metered("internal", model="ocr", quantities=lambda pages: {"pages": len(pages)})
    def read() -> list[str]:
        return ["a", "b"]

    @outlay.metered("internal", model="lookup")
    def look() -> str:
        return "x"

    with capture() as usage:
        read()
        look()
        assert [event.quantities for event in usage.events] == [{"pages": 2}, {"requests": 1}]


def test_a_stream_says_its_usage_at_its_end_in_the_scope_of_its_begin() -> None:
    @outlay.metered("openai")
    def ask() -> Iterator[dict[str, Any]]:
        yield from CHUNKS

    with capture() as usage:
        with outlay.scope(team="search"):
            chunks = ask()
        with outlay.scope(team="other"):
            assert list(chunks) == CHUNKS
        (event,) = usage.events
    assert (event.quantities, event.team, event.estimated) == (
        {"input_tokens": 7, "output_tokens": 1},
        "search",
        False,
    )
    assert event.ttft_ms is not None


def test_a_stream_that_is_closed_early_is_a_lower_bound() -> None:
    closed = []

    @outlay.metered("openai")
    def ask() -> Iterator[dict[str, Any]]:
        try:
            yield from CHUNKS
        finally:
            closed.append(True)

    with capture() as usage:
        chunks = ask()
        next(chunks)
        chunks.close()  # type: ignore[attr-defined]
        (event,) = usage.events
    assert (event.quantities, event.estimated, event.outcome) == ({"output_tokens": 1}, True, "ok")
    assert closed


async def test_an_asynchronous_stream_that_breaks_is_a_lower_bound() -> None:
    @outlay.metered("openai")
    async def ask() -> AsyncIterator[dict[str, Any]]:
        yield CHUNKS[0]
        raise ConnectionError

    with capture() as usage:
        with pytest.raises(ConnectionError):
            _ = [chunk async for chunk in ask()]
        (event,) = usage.events
    assert (event.quantities, event.estimated, event.outcome) == ({"output_tokens": 1}, True, "error")


def test_a_generator_gets_what_is_sent_and_thrown_and_says_what_it_returns() -> None:
    @outlay.metered("openai")
    def ask() -> Generator[Any, Any, str]:
        sent = yield CHUNKS[0]
        try:
            yield {**CHUNKS[1], "sent": sent}
        except KeyError:
            yield {"choices": []}
        return "done"

    with capture() as usage:
        chunks = ask()
        next(chunks)
        assert chunks.send("more")["sent"] == "more"
        assert chunks.throw(KeyError()) == {"choices": []}
        with pytest.raises(StopIteration) as end:
            next(chunks)
        assert end.value.value == "done"
        assert [event.quantities for event in usage.events] == [{"input_tokens": 7, "output_tokens": 1}]


async def test_an_asynchronous_generator_does_too() -> None:
    @outlay.metered("openai")
    async def ask() -> AsyncGenerator[Any, Any]:
        sent = yield CHUNKS[0]
        try:
            yield {**CHUNKS[1], "sent": sent}
        except KeyError:
            yield {"choices": []}

    with capture() as usage:
        chunks = ask()
        await anext(chunks)
        assert (await chunks.asend("more"))["sent"] == "more"
        assert await chunks.athrow(KeyError()) == {"choices": []}
        with pytest.raises(ZeroDivisionError):
            await chunks.athrow(ZeroDivisionError())
        assert [event.outcome for event in usage.events] == ["error"]


async def test_a_generator_that_is_returned_is_followed() -> None:
    async def later() -> AsyncIterator[Any]:
        for chunk in CHUNKS:
            yield chunk

    @outlay.metered("openai", model="gpt-5")
    def ask() -> Iterator[Any]:
        return (chunk for chunk in CHUNKS)

    @outlay.metered("openai", model="gpt-5")
    async def ask_later() -> AsyncIterator[Any]:
        return later()

    with capture() as usage:
        assert list(ask()) == CHUNKS
        assert [chunk async for chunk in await ask_later()] == CHUNKS
        assert [event.quantities for event in usage.events] == [{"input_tokens": 7, "output_tokens": 1}] * 2


def test_a_stream_of_a_class_of_its_own_is_a_call_nothing_is_known_about() -> None:
    stream = iter(CHUNKS)
    ask = outlay.metered("openai", model="gpt-5")(lambda: stream)
    count = outlay.metered("internal", model="lines", quantities=lambda _stream: {"pages": 2})(lambda: stream)
    with capture() as usage:
        assert ask() is stream
        assert count() is stream
        first, second = usage.events
    assert (first.model, first.quantities, first.estimated) == ("gpt-5", {outlay.extract.UNMETERED: 1}, True)
    assert second.quantities == {"pages": 2}


def test_with_the_sdk_off_functions_are_as_they_were() -> None:
    @outlay.metered("openai")
    def ask() -> Iterator[dict[str, Any]]:
        yield from CHUNKS

    assert list(ask()) == CHUNKS
