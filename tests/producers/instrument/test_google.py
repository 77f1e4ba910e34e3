"""`outlay.instrument` on the real client of `google-genai`: everything counted, nothing changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

import outlay
from outlay.testing import Captured, capture
from tests.producers.instrument.provider import Provider, events, whole
from tests.producers.instrument.test_openai import golden

ASKED: Any = {"model": "gemini-2.5-flash", "contents": "hello"}
COUNTED = {
    "input_tokens": 28,
    "input_image_tokens": 258,
    "cached_input_tokens": 1024,
    "output_tokens": 90,
    "reasoning_tokens": 210,
}


def answer(*parts: dict[str, Any]) -> dict[str, Any]:
    content = {"role": "model", "parts": list(parts or ({"text": "ok"},))}
    return {**golden("gemini")["response"], "candidates": [{"content": content, "finishReason": "STOP"}]}


def client(provider: Provider, **more: Any) -> genai.Client:
    options = types.HttpOptions(httpx_client=provider.client(), httpx_async_client=provider.async_client())
    return outlay.instrument(genai.Client(api_key="k", http_options=options, **more))


@pytest.fixture
def usage() -> Iterator[Captured]:
    with capture() as captured:
        yield captured


def test_a_call_is_counted_and_its_answer_is_the_librarys(usage: Captured) -> None:
    with outlay.scope(team="search"):
        found = client(Provider(whole(answer()))).models.generate_content(**ASKED)
    assert isinstance(found, types.GenerateContentResponse)
    assert found.text == "ok"
    (event,) = usage.events
    assert (event.provider, event.model, event.team) == ("google", "gemini-2.5-flash", "search")
    assert (event.quantities, event.request_id) == (COUNTED, "g1")
    assert event.latency_ms is not None


async def test_asynchronous_calls_are_counted(usage: Captured) -> None:
    found = await client(Provider(whole(answer()))).aio.models.generate_content(**ASKED)
    assert found.text == "ok"
    assert [event.quantities for event in usage.events] == [COUNTED]


def test_a_stream_is_counted_at_its_end(usage: Captured) -> None:
    told = golden("gemini_stream")["stream"]
    seen = list(client(Provider(events(told, done=False))).models.generate_content_stream(**ASKED))
    assert len(seen) == 3
    (event,) = usage.events
    assert (event.quantities, event.estimated) == ({"input_tokens": 100, "output_tokens": 14}, False)
    assert event.ttft_ms is not None


async def test_asynchronous_streams_are_counted(usage: Captured) -> None:
    told = golden("gemini_stream")["stream"]
    stream = await client(Provider(events(told, done=False))).aio.models.generate_content_stream(**ASKED)
    assert len([each async for each in stream]) == 3
    assert [event.quantities for event in usage.events] == [{"input_tokens": 100, "output_tokens": 14}]


def test_a_stream_that_is_left_early_is_a_lower_bound(usage: Captured) -> None:
    stream: Any = client(
        Provider(events(golden("gemini_stream")["stream"], done=False))
    ).models.generate_content_stream(**ASKED)
    next(stream)
    stream.close()
    (event,) = usage.events
    assert (event.quantities, event.estimated) == ({"input_tokens": 100, "output_tokens": 3}, True)


def test_every_request_of_a_conversation_with_tools_is_counted(usage: Captured) -> None:
    def now() -> str:
        """Tell the time."""
        return "noon"

    provider = Provider(whole(answer({"functionCall": {"name": "now", "args": {}}})), whole(answer()))
    config = types.GenerateContentConfig(tools=[now])
    assert client(provider).models.generate_content(**ASKED, config=config).text == "ok"
    assert [event.quantities for event in usage.events] == [COUNTED, COUNTED]


def test_chats_are_counted(usage: Captured) -> None:
    client(Provider(whole(answer()))).chats.create(model="gemini-2.5-flash").send_message("hello")
    assert [event.quantities for event in usage.events] == [COUNTED]


def test_errors_are_the_librarys_own(usage: Captured) -> None:
    refused = whole({"error": {"code": 400, "message": "no", "status": "INVALID"}})
    refused.status_code = 400
    with pytest.raises(errors.ClientError):
        client(Provider(refused)).models.generate_content(**ASKED)
    assert usage.events == []


def test_twice_is_as_good_as_once(usage: Captured) -> None:
    outlay.instrument(client(Provider(whole(answer())))).models.generate_content(**ASKED)
    assert len(usage.events) == 1


def test_a_video_is_a_call_nothing_is_known_about(usage: Captured) -> None:
    ai = client(Provider(whole({"name": "models/veo-3/operations/1"})), vertexai=True)
    source = types.GenerateVideosSource(prompt="x")
    assert ai.models.generate_videos(model="veo-3", source=source).name == "models/veo-3/operations/1"
    (event,) = usage.events
    assert (event.model, event.quantities, event.estimated) == ("veo-3", {outlay.extract.UNMETERED: 1}, True)


def test_everything_a_client_has_that_is_billed_is_metered() -> None:
    ai = client(Provider())
    for models in (ai.models, ai.aio.models):
        for name in ("_edit_image", "_upscale_image", "_generate_images", "_generate_videos",
                     "recontext_image", "segment_image"):  # fmt: skip
            assert hasattr(getattr(models, name), "_outlay_plan")
