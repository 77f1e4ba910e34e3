"""A golden file for each format: a response as documented, and the disjoint quantities it means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from outlay import extract
from outlay_schemas.units import PLACED
from outlay_schemas.usage import UsageEvent

FILES = sorted((Path(__file__).parents[2] / "golden" / "extract").glob("*.json"))
ONLY_OURS = {"images", extract.UNMETERED, "guardrail_topic_policy_units", "guardrail_content_policy_units",
             "guardrail_sensitive_information_policy_units", "classifications"}  # fmt: skip
"""Units without a public price."""


class Object:
    """A library's object with the content of a mapping: attributes and no keys."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.__dict__.update({name: as_objects(value) for name, value in values.items()})


def as_objects(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value) if any("-" in name for name in value) else Object(value)
    return [as_objects(each) for each in value] if isinstance(value, list) else value


def used(case: Mapping[str, Any], *, objects: bool = False) -> list[dict[str, Any]]:
    model, wrap = case.get("model"), as_objects if objects else (lambda value: value)
    if "stream" in case:
        stream = extract.Stream(case["provider"], model)
        for chunk in case["stream"]:
            stream.feed(wrap(chunk))
        found = stream.usage()
    else:
        found = extract.usage(case["provider"], wrap(case["response"]), model=model)
    return [json.loads(json.dumps(each.fields(), default=plain)) for each in found]


def plain(value: object) -> str:
    assert isinstance(value, Decimal)
    return format(value, "f")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_says_what_was_billed(file: Path) -> None:
    case = json.loads(file.read_text())
    assert used(case) == case["used"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_reads_the_objects_of_libraries_alike(file: Path) -> None:
    case = json.loads(file.read_text())
    assert used(case, objects=True) == case["used"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_makes_events_that_the_intake_takes(file: Path) -> None:
    for fields in json.loads(file.read_text())["used"]:
        event = UsageEvent.model_validate({"id": "a", "time": "2026-11-24T10:00:00Z", **fields})
        assert set(event.quantities) <= {*PLACED, *ONLY_OURS}
        assert all(event.quantities.values())


@pytest.mark.parametrize("provider", ["openai", "anthropic", "google", "bedrock", "mistral", "cohere", "voyage", "new"])
@pytest.mark.parametrize("response", [None, {}, [], "text", 7, {"usage": None}, {"usage": 3}, {"usage": []}], ids=repr)
def test_what_says_nothing_gives_nothing_or_says_so(provider: str, response: object) -> None:
    for each in extract.usage(provider, response):
        assert not each.quantities or set(each.quantities) == {extract.UNMETERED}


def test_a_stream_that_said_nothing_is_a_call_that_nothing_is_known_about() -> None:
    (each,) = extract.Stream("openai", "gpt-5").usage()
    assert (each.model, each.quantities, each.estimated) == ("gpt-5", {extract.UNMETERED: 1}, True)


class TestSpeech:
    def test_is_counted_by_the_caller(self) -> None:
        (said,) = extract.speech.spoken("elevenlabs", "eleven_v3", characters=120, request_id="r")
        assert (said.quantities, said.request_id) == ({"input_characters": 120}, "r")
        (heard,) = extract.speech.heard("deepgram", "nova-3", seconds=2.5)
        assert heard.quantities == {"input_audio_seconds": Decimal("2.5")}
        (tts,) = extract.openai.speech(model="tts-1", characters=9)
        assert (tts.provider, tts.quantities) == ("openai", {"input_characters": 9})

    def test_cannot_be_negative(self) -> None:
        with pytest.raises(ValueError, match=r"input_audio_seconds is -1; use a number from 0 up"):
            extract.speech.heard("deepgram", "nova-3", seconds=-1)
