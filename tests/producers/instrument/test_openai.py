"""`outlay.instrument` on the real clients of `openai`: everything counted, nothing changed."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

import outlay
from outlay.testing import Captured, capture
from tests.producers.instrument.provider import Answer, Provider, events, whole

GOLDEN = Path(__file__).parents[2] / "golden" / "extract"
MESSAGES: Any = [{"role": "user", "content": "hello"}]
COUNTED = {"input_tokens": 386, "cached_input_tokens": 1920, "output_tokens": 92, "reasoning_tokens": 320}


def golden(name: str) -> Any:
    case = json.loads((GOLDEN / f"{name}.json").read_text())
    if name == "openai_embeddings":
        case["response"]["data"] = [{"object": "embedding", "index": 0, "embedding": [0.5]}]
    return case


def client(provider: Provider, **more: Any) -> openai.OpenAI:
    return outlay.instrument(openai.OpenAI(api_key="k", http_client=provider.client(), max_retries=2, **more))  # type: ignore[arg-type]


def async_client(provider: Provider, **more: Any) -> openai.AsyncOpenAI:
    made = openai.AsyncOpenAI(api_key="k", http_client=provider.async_client(), **more)  # type: ignore[arg-type]
    return outlay.instrument(made)


def chunk(*, content: str | None = "a", finish: str | None = None, **more: Any) -> dict[str, Any]:
    delta = {} if content is None else {"content": content}
    return {
        "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-5-mini",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "usage": None, **more,
    }  # fmt: skip


USAGE = {"prompt_tokens": 58, "completion_tokens": 17, "total_tokens": 75}
CHUNKS = [chunk(), chunk(content="b"), chunk(content=None, finish="stop"), chunk(choices=[], usage=USAGE)]


@pytest.fixture
def usage() -> Iterator[Captured]:
    with capture() as captured:
        yield captured


def test_a_call_is_counted_and_its_answer_is_the_librarys(usage: Captured) -> None:
    provider = Provider(whole(golden("openai_chat")["response"]))
    with outlay.scope(team="search"), client(provider) as ai:
        answer = ai.chat.completions.create(model="gpt-5-mini", messages=MESSAGES)
    assert type(answer).__name__ == "ChatCompletion"
    (event,) = usage.events
    assert (event.provider, event.model, event.team) == ("openai", "gpt-5-mini-2025-08-07", "search")
    assert event.quantities == COUNTED
    assert (event.request_id, event.operation) == ("chatcmpl-C9aZ", "chat")
    assert event.latency_ms is not None
    assert "stream_options" not in provider.body()


async def test_asynchronous_calls_are_counted(usage: Captured) -> None:
    async with async_client(Provider(whole(golden("openai_chat")["response"]))) as ai:
        await ai.chat.completions.create(model="gpt-5-mini", messages=MESSAGES)
    assert [event.quantities for event in usage.events] == [COUNTED]


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("openai_responses", lambda ai: ai.responses.create(model="m", input="x")),
        ("openai_embeddings", lambda ai: ai.embeddings.create(model="m", input="x")),
        ("openai_image", lambda ai: ai.images.generate(model="gpt-image-1", prompt="x")),
        ("openai_image_by_number", lambda ai: ai.images.generate(model="dall-e-3", prompt="x")),
        ("openai_moderation", lambda ai: ai.moderations.create(input="x")),
        ("openai_batch", lambda ai: ai.batches.retrieve("batch_67")),
        ("openai_transcription_tokens",
         lambda ai: ai.audio.transcriptions.create(model="gpt-4o-transcribe", file=("a.wav", b"x"))),
        ("openai_transcription_seconds",
         lambda ai: ai.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"x"))),
        ("openai_compaction", lambda ai: ai.responses.compact(model="gpt-5.4", input="x")),
    ],
)  # fmt: skip
def test_every_kind_of_call_is_counted(usage: Captured, name: str, call: Any) -> None:
    case = golden(name)
    with client(Provider(whole(case["response"]))) as ai:
        call(ai)
    found = [event.model_dump(mode="json", exclude_unset=True, exclude_none=True) for event in usage.events]
    for event, expected in zip(found, case["used"], strict=True):
        event["quantities"] = {unit: str(number) for unit, number in event["quantities"].items()}
        expected["quantities"] = {unit: str(number) for unit, number in expected["quantities"].items()}
        assert {name: event[name] for name in expected} == expected


def test_speech_is_counted_by_its_characters(usage: Captured) -> None:
    sound = httpx2.Response(200, content=b"sound", headers={"content-type": "audio/mpeg"})
    with client(Provider(sound)) as ai:
        answer = ai.audio.speech.create(model="tts-1", voice="alloy", input="hello, you")
    assert answer.content == b"sound"
    assert [(event.model, event.quantities) for event in usage.events] == [("tts-1", {"input_characters": 10})]


SOUND = {"content": b"sound", "headers": {"content-type": "audio/mpeg"}}


@pytest.mark.parametrize("way", ["with_raw_response", "with_streaming_response"])
def test_speech_is_counted_however_its_sound_is_read(usage: Captured, way: str) -> None:
    with client(Provider(httpx2.Response(200, **SOUND))) as ai:
        answer = getattr(ai.audio.speech, way).create(model="tts-1", voice="alloy", input="hello, you")
        if way == "with_streaming_response":
            with answer as sound:
                assert b"".join(sound.iter_bytes()) == b"sound"
    assert [(event.model, event.quantities) for event in usage.events] == [("tts-1", {"input_characters": 10})]


def test_a_body_read_by_hand_is_counted_when_it_is_closed(usage: Captured) -> None:
    with (
        client(Provider(whole(golden("openai_chat")["response"]))) as ai,
        ai.chat.completions.with_streaming_response.create(model="m", messages=MESSAGES) as later,
    ):
        assert later.json()["id"] == "chatcmpl-C9aZ"  # type: ignore[index]
    assert [event.quantities for event in usage.events] == [COUNTED]


def test_a_stream_read_by_hand_is_a_call_nothing_is_known_about(usage: Captured) -> None:
    with (
        client(Provider(events(CHUNKS))) as ai,
        ai.chat.completions.with_streaming_response.create(model="m", messages=MESSAGES, stream=True) as later,
    ):
        assert len([line for line in later.iter_lines() if line]) == 5
    (event,) = usage.events
    assert (event.model, event.quantities, event.estimated) == ("m", {outlay.extract.UNMETERED: 1}, True)


async def test_an_asynchronous_stream_read_by_hand_is_one_too(usage: Captured) -> None:
    async with (
        async_client(Provider(events(CHUNKS))) as ai,
        ai.chat.completions.with_streaming_response.create(model="m", messages=MESSAGES, stream=True) as later,
    ):
        assert len([line async for line in later.iter_lines() if line]) == 5
    assert [event.quantities for event in usage.events] == [{outlay.extract.UNMETERED: 1}]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_video_is_counted_by_its_seconds_under_its_own_id(usage: Captured) -> None:
    made = {"id": "video_1", "object": "video", "model": "sora-2", "status": "queued", "progress": 0,
            "created_at": 1_795_392_000, "seconds": "8", "size": "1280x720"}  # fmt: skip
    with client(Provider(whole(made))) as ai:
        ai.videos.create(model="sora-2", prompt="x")
    (event,) = usage.events
    assert (event.id, event.quantities, event.tags) == ("video_1", {"video_seconds": 8}, {"size": "1280x720"})


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_run_of_an_assistant_is_counted_once_it_has_ended(usage: Captured) -> None:
    queued = {"id": "run_1", "object": "thread.run", "status": "queued", "model": "gpt-4o", "created_at": 1_795_392_000}
    done = {**queued, "status": "completed", "usage": USAGE}
    with client(Provider(whole(queued), whole(done), whole(done))) as ai:
        ai.beta.threads.runs.create(thread_id="t", assistant_id="a")
        ai.beta.threads.runs.retrieve("run_1", thread_id="t")
        ai.beta.threads.runs.retrieve("run_1", thread_id="t")
    first, second = usage.events
    assert first == second
    assert (first.id, first.quantities) == ("run_1", {"input_tokens": 58, "output_tokens": 17})


@pytest.mark.parametrize("asked", [True, False])
def test_what_a_caller_says_of_usage_in_an_extra_body_holds(usage: Captured, asked: bool) -> None:
    provider = Provider(events(CHUNKS if asked else CHUNKS[:3]))
    extra = {"stream_options": {"include_usage": asked}}
    with client(provider) as ai:
        seen = list(ai.chat.completions.create(model="m", messages=MESSAGES, stream=True, extra_body=extra))
    assert provider.body()["stream_options"] == {"include_usage": asked}
    assert any(each.usage for each in seen) is asked
    assert usage.events[0].estimated is not asked


def test_a_stream_is_counted_at_its_end_and_what_the_meter_asked_for_is_kept_back(usage: Captured) -> None:
    provider = Provider(events(CHUNKS))
    with client(provider) as ai:
        stream = ai.chat.completions.create(model="gpt-5-mini", messages=MESSAGES, stream=True)
        assert isinstance(stream, openai.Stream)
        seen = list(stream)
    assert provider.body()["stream_options"] == {"include_usage": True}
    assert [len(each.choices) for each in seen] == [1, 1, 1]
    (event,) = usage.events
    assert (event.quantities, event.estimated) == ({"input_tokens": 58, "output_tokens": 17}, False)
    assert event.ttft_ms is not None


def test_a_caller_who_asked_for_usage_gets_it(usage: Captured) -> None:
    with client(Provider(events(CHUNKS))) as ai:
        options: Any = {"include_usage": True}
        stream = ai.chat.completions.create(model="m", messages=MESSAGES, stream=True, stream_options=options)
        assert list(stream)[-1].usage is not None
    assert usage.events[0].quantities == {"input_tokens": 58, "output_tokens": 17}


def test_elsewhere_a_stream_is_asked_for_nothing_and_is_a_lower_bound(usage: Captured) -> None:
    provider = Provider(events(CHUNKS[:3]))
    with client(provider, base_url="https://api.groq.com/openai/v1") as ai:
        assert len(list(ai.chat.completions.create(model="m", messages=MESSAGES, stream=True))) == 3
    assert "stream_options" not in provider.body()
    (event,) = usage.events
    assert (event.provider, event.quantities, event.estimated) == ("groq", {"output_tokens": 2}, True)


async def test_asynchronous_streams_are_counted(usage: Captured) -> None:
    async with async_client(Provider(events(CHUNKS))) as ai:
        stream = await ai.chat.completions.create(model="m", messages=MESSAGES, stream=True)
        assert len([each async for each in stream]) == 3
    assert usage.events[0].quantities == {"input_tokens": 58, "output_tokens": 17}


def test_a_stream_that_is_closed_is_a_lower_bound(usage: Captured) -> None:
    with client(Provider(events(CHUNKS))) as ai:
        with ai.chat.completions.create(model="m", messages=MESSAGES, stream=True) as stream:
            next(stream)
        (event,) = usage.events
        assert stream.response.is_closed
    assert (event.quantities, event.estimated, event.outcome) == ({"output_tokens": 1}, True, "ok")


def test_a_stream_that_is_closed_unread_is_a_call_nothing_is_known_about(usage: Captured) -> None:
    with client(Provider(events(CHUNKS))) as ai:
        ai.chat.completions.create(model="gpt-5", messages=MESSAGES, stream=True).close()
    (event,) = usage.events
    assert (event.model, event.quantities, event.estimated) == ("gpt-5", {outlay.extract.UNMETERED: 1}, True)


async def test_an_asynchronous_stream_that_is_closed_is_a_lower_bound(usage: Captured) -> None:
    async with async_client(Provider(events(CHUNKS))) as ai:
        async with await ai.chat.completions.create(model="m", messages=MESSAGES, stream=True) as stream:
            await anext(stream)
        assert (usage.events[0].quantities, usage.events[0].estimated) == ({"output_tokens": 1}, True)


def test_a_stream_that_is_dropped_is_counted(usage: Captured) -> None:
    with client(Provider(events(CHUNKS))) as ai:
        for _ in ai.chat.completions.create(model="m", messages=MESSAGES, stream=True):
            break
        gc.collect()
        assert usage.events[0].quantities == {"output_tokens": 1}


def test_a_stream_that_breaks_breaks_as_before_and_is_a_lower_bound(usage: Captured) -> None:
    with client(Provider(events(CHUNKS[:2], cut=True))) as ai:
        stream = ai.chat.completions.create(model="m", messages=MESSAGES, stream=True)
        with pytest.raises(openai.APIConnectionError):
            list(stream)
    (event,) = usage.events
    assert (event.quantities, event.estimated, event.outcome) == ({"output_tokens": 2}, True, "error")


def test_the_stream_helper_is_counted(usage: Captured) -> None:
    with client(Provider(events(CHUNKS))) as ai:
        with ai.chat.completions.stream(model="m", messages=MESSAGES) as stream:
            kinds = [event.type for event in stream]
        assert stream.get_final_completion().choices[0].message.content == "ab"
    assert "content.delta" in kinds
    assert usage.events[0].quantities == {"input_tokens": 58, "output_tokens": 17}


def test_streamed_responses_are_counted(usage: Captured) -> None:
    case = golden("openai_responses_stream")
    told = [{**each, "sequence_number": number} for number, each in enumerate(case["stream"])]
    with client(Provider(events(told, named=True))) as ai:
        assert len(list(ai.responses.create(model="m", input="x", stream=True))) == 3
    assert usage.events[0].quantities == case["used"][0]["quantities"]


def test_a_raw_response_is_left_as_it_is_and_counted(usage: Captured) -> None:
    with client(Provider(whole(golden("openai_chat")["response"], **{"x-request-id": "req"}))) as ai:
        raw = ai.chat.completions.with_raw_response.create(model="m", messages=MESSAGES)
        assert raw.headers["x-request-id"] == "req"
        assert raw.parse().choices[0].message.content == "ok"
        assert raw.parse() is raw.parse()
    assert [event.quantities for event in usage.events] == [COUNTED]


def test_a_raw_stream_is_counted_when_parsed_and_asked_for_nothing(usage: Captured) -> None:
    provider = Provider(events(CHUNKS))
    with client(provider) as ai:
        raw = ai.chat.completions.with_raw_response.create(model="m", messages=MESSAGES, stream=True)
        assert len(list(raw.parse())) == 4
    assert "stream_options" not in provider.body()
    assert usage.events[0].quantities == {"input_tokens": 58, "output_tokens": 17}


def test_a_response_that_is_read_later_is_counted_when_parsed(usage: Captured) -> None:
    with (
        client(Provider(whole(golden("openai_chat")["response"]))) as ai,
        ai.chat.completions.with_streaming_response.create(model="m", messages=MESSAGES) as later,
    ):
        assert later.parse().id == "chatcmpl-C9aZ"
        assert later.parse().id == "chatcmpl-C9aZ"
    assert [event.quantities for event in usage.events] == [COUNTED]


def test_retries_are_one_call(usage: Captured) -> None:
    busy = httpx2.Response(503, headers={"retry-after-ms": "1"})
    provider = Provider(busy, busy, whole(golden("openai_chat")["response"]))
    with client(provider) as ai:
        ai.chat.completions.create(model="m", messages=MESSAGES)
    assert len(provider.requests) == 3
    assert len(usage.events) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx2.Response(400, json={"error": {"message": "no"}}), openai.BadRequestError),
        (httpx2.Response(401, json={"error": {"message": "no"}}), openai.AuthenticationError),
        (httpx2.ReadTimeout("slow"), openai.APITimeoutError),
    ],
)
def test_errors_are_the_librarys_own(usage: Captured, answer: Answer, error: type[Exception]) -> None:
    with client(Provider(answer)).with_options(max_retries=0) as ai, pytest.raises(error):
        ai.chat.completions.create(model="m", messages=MESSAGES)
    assert usage.events == []


@pytest.mark.parametrize("body", [{}, [], {"usage": "many"}, {"choices": None, "usage": None}, "text"], ids=repr)
def test_an_answer_that_tells_nothing_is_a_call_nothing_is_known_about(usage: Captured, body: object) -> None:
    with client(Provider(whole(body))) as ai:
        ai.chat.completions.create(model="gpt-5", messages=MESSAGES)
    (event,) = usage.events
    assert (event.model, event.quantities, event.estimated) == ("gpt-5", {outlay.extract.UNMETERED: 1}, True)


def test_what_costs_nothing_is_not_counted(usage: Captured) -> None:
    with client(Provider(whole({"object": "list", "data": []}))) as ai:
        ai.models.list()
    assert usage.events == []


def test_a_background_response_is_counted_once_it_is_done_and_under_one_id(usage: Captured) -> None:
    made = {**golden("openai_responses")["response"], "background": True, "created_at": 1_795_392_000}
    queued = {**made, "status": "queued", "usage": None, "tool_usage": None}
    with client(Provider(whole(queued), whole(made), whole(made))) as ai:
        ai.responses.create(model="m", input="x", background=True)
        ai.responses.retrieve("resp_1")
        ai.responses.retrieve("resp_1")
    first, second = usage.events
    assert first == second
    assert (first.id, first.time.isoformat()) == ("resp_1", "2026-11-23T00:00:00+00:00")


def test_a_background_response_whose_stream_breaks_is_counted_once_by_whoever_reads_its_end(usage: Captured) -> None:
    made = {**golden("openai_responses")["response"], "background": True, "created_at": 1_795_392_000}
    begun = {**made, "status": "in_progress", "usage": None, "tool_usage": None}
    told = [
        {"type": "response.created", "response": begun, "sequence_number": 0},
        {"type": "response.output_text.delta", "delta": "t", "sequence_number": 1, "item_id": "i", "output_index": 0,
         "content_index": 0, "logprobs": []},
    ]  # fmt: skip
    ended = {"type": "response.completed", "response": made, "sequence_number": 2}
    with client(Provider(events(told, named=True, cut=True), events([ended], named=True), whole(made))) as ai:
        with pytest.raises(openai.APIConnectionError):
            list(ai.responses.create(model="m", input="x", background=True, stream=True))
        assert usage.events == []
        list(ai.responses.retrieve("resp_1", stream=True))
        ai.responses.retrieve("resp_1")
    first, second = usage.events
    assert first == second
    assert first.id == "resp_1"


def test_a_response_in_the_foreground_is_not_counted_again_when_it_is_retrieved(usage: Captured) -> None:
    with client(Provider(whole(golden("openai_responses")["response"]))) as ai:
        ai.responses.retrieve("resp_1")
    assert usage.events == []


def test_copies_are_metered_and_twice_is_as_good_as_once(usage: Captured) -> None:
    with client(Provider(*[whole(golden("openai_chat")["response"]) for _ in range(2)])) as ai:
        outlay.instrument(outlay.instrument(ai))
        ai.with_options(timeout=5).chat.completions.create(model="m", messages=MESSAGES)
        ai.copy().copy().chat.completions.create(model="m", messages=MESSAGES)
    assert len(usage.events) == 2


def test_azure_is_billed_by_azure(usage: Captured) -> None:
    provider = Provider(whole(golden("azure_chat")["response"]))
    ai = openai.AzureOpenAI(
        api_key="k",
        api_version="2025-04-01",
        azure_endpoint="https://x.openai.azure.com",
        http_client=provider.client(),  # type: ignore[arg-type]
    )
    with outlay.instrument(ai):
        ai.chat.completions.create(model="our-deployment", messages=MESSAGES)
    assert "/deployments/our-deployment/" in str(provider.requests[0].url)
    assert [(event.provider, event.model) for event in usage.events] == [("azure", "gpt-4.1-2025-04-14")]


@pytest.mark.parametrize(
    ("url", "provider"),
    [("https://openrouter.ai/api/v1", "openrouter"), ("https://api.x.ai/v1", "x-ai"),
     ("http://localhost:8000/v1", "localhost"),
     ("https://api.together.xyz/v1", "together"), ("https://eu.api.openai.com/v1", "openai")],
)  # fmt: skip
def test_the_address_says_who_bills(usage: Captured, url: str, provider: str) -> None:
    with client(Provider(whole(golden("openai_chat")["response"])), base_url=url) as ai:
        ai.chat.completions.create(model="m", messages=MESSAGES)
    assert usage.events[0].provider == provider


def test_someone_may_say_who_bills(usage: Captured) -> None:
    provider = Provider(whole(golden("openai_chat")["response"]))
    made = openai.OpenAI(api_key="k", base_url="http://llm.internal/v1", http_client=provider.client())  # type: ignore[arg-type]
    with outlay.instrument(made, provider="openai", app="gateway", key="prod-key") as ai:
        ai.chat.completions.create(model="m", messages=MESSAGES)
    (event,) = usage.events
    assert (event.provider, event.app, event.key) == ("openai", "gateway", "prod-key")


def test_with_the_sdk_off_a_client_is_as_it_was() -> None:
    provider = Provider(events(CHUNKS[:3]), whole(golden("openai_chat")["response"]))
    with client(provider) as ai:
        assert len(list(ai.chat.completions.create(model="m", messages=MESSAGES, stream=True))) == 3
        assert ai.chat.completions.create(model="m", messages=MESSAGES).id == "chatcmpl-C9aZ"
    assert "stream_options" not in provider.body()


def test_a_client_of_something_else_is_refused() -> None:
    with pytest.raises(
        TypeError, match=r"cannot meter builtins\.object; it takes clients of openai, anthropic, google-genai and mis"
    ):
        outlay.instrument(object())
