"""`outlay.instrument` on the real clients of `anthropic`: everything counted, nothing changed."""

from __future__ import annotations

import gc
import json
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

import outlay
from outlay.testing import Captured, capture
from tests.producers.instrument.provider import Provider, events, whole

GOLDEN = Path(__file__).parents[2] / "golden" / "extract"
ASKED: Any = {"model": "claude-of-the-day", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}
COUNTED = {
    "input_tokens": 112,
    "cached_input_tokens": 18000,
    "cache_write_5m_tokens": 1000,
    "cache_write_1h_tokens": 2000,
    "output_tokens": 240,
    "reasoning_tokens": 400,
    "web_searches": 1,
}
STREAMED = {**COUNTED, "output_tokens": 640}
del STREAMED["reasoning_tokens"], STREAMED["web_searches"]


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text())


def message() -> dict[str, Any]:
    return {**golden("anthropic_message")["response"], "role": "assistant", "content": [{"type": "text", "text": "ok"}]}


def chunks() -> list[dict[str, Any]]:
    start, *rest, end, stop = golden("anthropic_stream")["stream"]
    start["message"] |= {"role": "assistant", "content": []}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    texts = [each for each in rest if each["type"] == "content_block_delta"]
    return [start, block, *texts, {"type": "content_block_stop", "index": 0}, end, stop]


def client(provider: Provider, kind: type[Any] = anthropic.Anthropic, **more: Any) -> Any:
    return outlay.instrument(kind(**{"api_key": "k", **more}, http_client=provider.client()))


def async_client(provider: Provider) -> anthropic.AsyncAnthropic:
    return outlay.instrument(anthropic.AsyncAnthropic(api_key="k", http_client=provider.async_client()))


@pytest.fixture
def usage() -> Iterator[Captured]:
    with capture() as captured:
        yield captured


def test_a_call_is_counted_and_its_answer_is_the_librarys(usage: Captured) -> None:
    with outlay.scope(team="search"), client(Provider(whole(message()))) as ai:
        assert isinstance(ai.messages.create(**ASKED), anthropic.types.Message)
        assert type(ai) is anthropic.Anthropic
    (event,) = usage.events
    assert event.quantities == COUNTED
    assert (event.provider, event.model, event.team) == ("anthropic", "claude-sonnet-4-5-20250929", "search")
    assert (event.region, event.service_tier, event.request_id) == ("us", "standard", "msg_01Qx")


async def test_asynchronous_calls_are_counted(usage: Captured) -> None:
    async with async_client(Provider(whole(message()))) as ai:
        await ai.messages.create(**ASKED)
    assert [event.quantities for event in usage.events] == [COUNTED]


def test_a_stream_is_counted_at_its_end(usage: Captured) -> None:
    with client(Provider(events(chunks(), named=True))) as ai:
        seen = list(ai.messages.create(**ASKED, stream=True))
    assert [each.type for each in seen] == [each["type"] for each in chunks()]
    (event,) = usage.events
    assert (event.quantities, event.estimated) == (STREAMED, False)
    assert event.ttft_ms is not None


async def test_asynchronous_streams_are_counted(usage: Captured) -> None:
    async with async_client(Provider(events(chunks(), named=True))) as ai:
        stream = await ai.messages.create(**ASKED, stream=True)
        assert len([each async for each in stream]) == len(chunks())
    assert [event.quantities for event in usage.events] == [STREAMED]


def test_the_stream_helper_is_counted(usage: Captured) -> None:
    with client(Provider(events(chunks(), named=True))) as ai, ai.messages.stream(**ASKED) as stream:
        assert list(stream.text_stream) == ["x"]
        assert stream.get_final_message().usage.output_tokens == 640
    assert [event.quantities for event in usage.events] == [STREAMED]


async def test_the_asynchronous_stream_helper_is_counted(usage: Captured) -> None:
    async with async_client(Provider(events(chunks(), named=True))) as ai, ai.messages.stream(**ASKED) as stream:
        assert await stream.get_final_text() == "x"
    assert [event.quantities for event in usage.events] == [STREAMED]


def test_a_stream_helper_that_is_left_early_is_a_lower_bound(usage: Captured) -> None:
    with client(Provider(events(chunks(), named=True))) as ai:
        with ai.messages.stream(**ASKED) as stream:
            next(stream)
        (event,) = usage.events
    assert (event.estimated, event.quantities["input_tokens"], event.quantities["output_tokens"]) == (True, 112, 2)


def test_a_stream_that_is_dropped_is_closed_and_counted_at_once(usage: Captured) -> None:
    gc.collect()
    gc.disable()
    try:
        with client(Provider(events(chunks(), named=True))) as ai:
            stream = ai.messages.create(**ASKED, stream=True)
            gone, response = weakref.ref(stream), stream.response
            next(iter(stream))
            del stream
            assert gone() is None
            assert response.is_closed
            assert usage.events[0].estimated
    finally:
        gc.enable()


def test_a_stream_that_breaks_breaks_as_before_and_is_a_lower_bound(usage: Captured) -> None:
    with client(Provider(events(chunks()[:3], named=True, cut=True))) as ai:
        stream = ai.messages.create(**ASKED, stream=True)
        with pytest.raises(httpx2.ReadError):
            list(stream)
    (event,) = usage.events
    assert (event.estimated, event.outcome, event.quantities["output_tokens"]) == (True, "error", 2)


def test_raw_responses_are_left_as_they_are_and_counted(usage: Captured) -> None:
    answers = [whole(message(), **{"request-id": "req"}), events(chunks(), named=True)]
    with client(Provider(*answers)) as ai:
        raw = ai.messages.with_raw_response.create(**ASKED)
        assert raw.headers["request-id"] == "req"
        assert raw.parse().id == "msg_01Qx"
        assert len(list(ai.messages.with_raw_response.create(**ASKED, stream=True).parse())) == len(chunks())
    assert [event.quantities for event in usage.events] == [COUNTED, STREAMED]


async def test_a_response_that_is_read_later_is_counted_when_parsed(usage: Captured) -> None:
    async with (
        async_client(Provider(whole(message()))) as ai,
        ai.messages.with_streaming_response.create(**ASKED) as later,
    ):
        assert (await later.parse()).id == "msg_01Qx"
    assert [event.quantities for event in usage.events] == [COUNTED]


def test_results_of_a_batch_are_counted_each_under_its_message(usage: Captured) -> None:
    lines = [golden("anthropic_batch_result")["response"], golden("anthropic_batch_error")["response"]]
    batch = {
        "id": "msgbatch_1", "type": "message_batch", "processing_status": "ended",
        "results_url": "https://api.anthropic.com/v1/messages/batches/msgbatch_1/results",
        "request_counts": {"processing": 0, "succeeded": 1, "errored": 1, "canceled": 0, "expired": 0},
        "created_at": "2026-11-24T10:00:00Z", "expires_at": "2026-11-25T10:00:00Z",
    }  # fmt: skip
    content = "\n".join(json.dumps(line) for line in lines).encode()
    results = httpx2.Response(200, content=content, headers={"content-type": "application/x-jsonl"})
    with client(Provider(whole(batch), results)) as ai:
        assert [line.result.type for line in ai.messages.batches.results("msgbatch_1")] == ["succeeded", "errored"]
    (event,) = usage.events
    assert (event.id, event.service_tier, event.quantities) == ("msg_01Qx", "batch", COUNTED)
    assert event.latency_ms is None


def test_counting_tokens_costs_nothing(usage: Captured) -> None:
    with client(Provider(whole({"input_tokens": 9}))) as ai:
        ai.messages.count_tokens(model="claude-sonnet-4-5", messages=ASKED["messages"])
    assert usage.events == []


def test_errors_are_the_librarys_own(usage: Captured) -> None:
    busy = Provider(httpx2.Response(529, json={"error": {"message": "busy"}}))
    with client(busy, max_retries=0) as ai, pytest.raises(anthropic.APIStatusError):
        ai.messages.create(**ASKED)
    assert usage.events == []


def test_copies_are_metered(usage: Captured) -> None:
    with client(Provider(whole(message()))) as ai:
        ai.with_options(max_retries=0).copy().messages.create(**ASKED)
    assert len(usage.events) == 1


def test_claude_on_another_cloud_is_billed_by_that_cloud(usage: Captured) -> None:
    provider = Provider(whole(message()))
    made = {"resource": "ours", "api_key": "k"}
    with client(provider, anthropic.AnthropicFoundry, **made) as ai:
        ai.messages.create(**ASKED)
    assert [event.provider for event in usage.events] == ["azure"]
