"""The events of a body, by its content type, before anything is known about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from outlay_streams.decode import cloudevents
from outlay_streams.decode.errors import MalformedBody, TooLarge, UnsupportedContent
from outlay_streams.decode.json_text import Fault, JsonReader, text_of, why

JSON = ("application/json", "text/json")
LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
READ = (*JSON[:1], *LINES[:1], LINES[2], cloudevents.STRUCTURED, cloudevents.BATCH)


def events_of(body: bytes, *, content_type: str, headers: Mapping[str, str], most: int) -> list[Any]:
    """Return what stands at each position of the body: a JSON value, or the `Fault` that refuses it.

    `headers` in lower case. Raises `MalformedBody`, `TooLarge` past `most` events, `UnsupportedContent`.
    """
    media = _media(content_type)
    text = text_of(body)
    if not text or text.isspace():
        raise MalformedBody("the body is empty; send a usage event, an array of them, or one a line")
    reader = JsonReader()
    try:
        return list(_events(text, media, headers, most, reader))
    except (ValueError, RecursionError) as error:
        raise MalformedBody(f"the body is not valid JSON: {why(error)}") from None


def _events(text: str, media: str, headers: Mapping[str, str], most: int, reader: JsonReader) -> Iterator[Any]:
    if media == cloudevents.BATCH:
        return _enveloped(_values(text, most, reader, array=True), reader)
    if media == cloudevents.STRUCTURED:
        return _enveloped(_values(text, most, reader, array=False), reader)
    if "ce-specversion" in headers:
        _refuse_unless(media in JSON, media, "the data of a binary CloudEvent is application/json")
        return iter([cloudevents.from_headers(headers, reader.lone(text))])
    if media in LINES:
        return _lines(text, most, reader)
    _refuse_unless(media in JSON, media, f"send one of {', '.join(READ)}")
    return _values(text, most, reader, array=None)


def _values(text: str, most: int, reader: JsonReader, *, array: bool | None) -> Iterator[Any]:
    start = len(text) - len(text.lstrip(" \t\r\n"))
    if not text.startswith("[", start):
        if array:
            raise MalformedBody(f"a {cloudevents.BATCH} body is an array of envelopes")
        return iter([reader.lone(text)])
    if array is False:
        raise MalformedBody(f"a {cloudevents.STRUCTURED} body is one envelope; send arrays as {cloudevents.BATCH}")
    return reader.array(text, start, most)


def _lines(text: str, most: int, reader: JsonReader) -> Iterator[Any]:
    position = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not line or line.isspace():
            continue
        position += 1
        if position > most:
            raise TooLarge(f"the body holds more than {most} events; split it")
        try:
            yield reader.lone(line)
        except (ValueError, RecursionError) as error:
            yield Fault("", f"line {number} is not valid JSON: {why(error)}")


def _enveloped(values: Iterator[Any], reader: JsonReader) -> Iterator[Any]:
    return (cloudevents.from_envelope(value, reader) for value in values)


def _media(content_type: str) -> str:
    media, *parameters = (part.strip().lower() for part in content_type.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in {"utf-8", "utf8", "us-ascii"}:
            raise UnsupportedContent(f"charset {value[:40]!r} is not read here; send UTF-8")
    return media or JSON[0]


def _refuse_unless(fits: bool, media: str, fix: str) -> None:
    if not fits:
        raise UnsupportedContent(f"Content-Type {media[:80]!r} is not read here; {fix}")
