"""`outlay.instrument` on the real client of `mistralai`: everything counted, nothing changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from mistralai.client import Mistral

import outlay
from outlay.testing import Captured, capture
from tests.producers.instrument.provider import Provider, events, whole
from tests.producers.instrument.test_openai import golden

ASKED: Any = {"model": "mistral-large-2411", "messages": [{"role": "user", "content": "hello"}]}
COUNTED = {"input_tokens": 244, "cached_input_tokens": 256, "output_tokens": 120}


def answer() -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "ok"}}
    return {**golden("mistral_chat")["response"], "created": 1, "choices": [choice]}


def chunks() -> list[dict[str, Any]]:
    return [{**each["data"], "created": 1} for each in golden("mistral_stream")["stream"]]


def client(provider: Provider) -> Mistral:
    made: Any = Mistral(api_key="k", client=provider.client(), async_client=provider.async_client())
    return outlay.instrument(made)  # type: ignore[no-any-return]


@pytest.fixture
def usage() -> Iterator[Captured]:
    with capture() as captured:
        yield captured


def test_a_call_is_counted_and_its_answer_is_the_librarys(usage: Captured) -> None:
    with outlay.scope(team="search"):
        found = client(Provider(whole(answer()))).chat.complete(**ASKED)
    assert type(found).__name__ == "ChatCompletionResponse"
    (event,) = usage.events
    assert (event.provider, event.model, event.team) == ("mistral", "mistral-large-2411", "search")
    assert event.quantities == COUNTED


async def test_asynchronous_calls_are_counted(usage: Captured) -> None:
    await client(Provider(whole(answer()))).chat.complete_async(**ASKED)
    assert [event.quantities for event in usage.events] == [COUNTED]


def test_a_stream_is_counted_at_its_end(usage: Captured) -> None:
    with client(Provider(events(chunks()))).chat.stream(**ASKED) as stream:
        assert len(list(stream)) == 2
    (event,) = usage.events
    assert (event.quantities, event.estimated) == ({"input_tokens": 12, "output_tokens": 3}, False)


async def test_asynchronous_streams_are_counted(usage: Captured) -> None:
    async with await client(Provider(events(chunks()))).chat.stream_async(**ASKED) as stream:
        assert len([each async for each in stream]) == 2
    assert [event.quantities for event in usage.events] == [{"input_tokens": 12, "output_tokens": 3}]


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("mistral_ocr", lambda ai: ai.ocr.process(model="m", document={"type": "document_url", "document_url": "u"})),
        ("openai_embeddings", lambda ai: ai.embeddings.create(model="m", inputs="x")),
    ],
)
def test_every_kind_of_call_is_counted(usage: Captured, name: str, call: Any) -> None:
    case = golden(name)
    call(client(Provider(whole({"id": "e", **case["response"]}))))
    assert [dict(event.quantities) for event in usage.events] == [used["quantities"] for used in case["used"]]


def test_errors_are_the_librarys_own(usage: Captured) -> None:
    refused = whole({"message": "no"})
    refused.status_code = 401
    with pytest.raises(Exception, match="401"):
        client(Provider(refused)).chat.complete(**ASKED)
    assert usage.events == []


def test_twice_is_as_good_as_once(usage: Captured) -> None:
    outlay.instrument(client(Provider(whole(answer())))).chat.complete(**ASKED)
    assert len(usage.events) == 1
