"""Every body is read by its content type, or refused whole with the reason."""

from __future__ import annotations

import pytest

from outlay_streams.decode import Decoded, DecodeError, Limits, MalformedBody, TooLarge, UnsupportedContent, decode
from tests.support.events import NOW, body, event


def read(sent: bytes, content_type: str = "application/json", **more: object) -> Decoded:
    return decode(sent, content_type=content_type, org="acme", now=NOW, **more)  # type: ignore[arg-type]


def ids(batch: Decoded) -> list[str]:
    assert set(batch.outcomes) <= {None}, batch.outcomes
    return batch.usage["id"].to_pylist()


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=UTF-8", "", "text/json"])
def test_json_is_one_event_or_an_array(content_type: str) -> None:
    assert ids(read(body(event()), content_type)) == ["e1"]
    assert ids(read(body([event(), event(id="e2")]), content_type)) == ["e1", "e2"]
    assert ids(read(b" \n[ " + body(event()) + b" ,\t" + body(event(id="e2")) + b" ]\r\n", content_type)) == [
        "e1",
        "e2",
    ]


@pytest.mark.parametrize("content_type", ["application/x-ndjson", "application/jsonl", "application/ndjson"])
def test_lines_are_an_event_each_and_blank_ones_nothing(content_type: str) -> None:
    sent = b"\n".join([body(event()), b"", b"  \r", body(event(id="e2", team="a\u2028b")) + b"\r", b""])
    assert ids(read(sent, content_type)) == ["e1", "e2"]


def test_a_line_that_is_no_json_is_refused_alone() -> None:
    batch = read(body(event()) + b'\n\n{"id":\n' + body(event(id="e2")) + b"\n[1]", "application/x-ndjson")
    assert batch.positions == [0, 2]
    assert batch.outcomes[1] is not None
    assert batch.outcomes[1].reason == "line 3 is not valid JSON: expecting value at character 6"
    assert batch.outcomes[3] is not None
    assert batch.rejects["event"].to_pylist() == ["{}", "{}"]


def test_a_byte_order_mark_is_skipped() -> None:
    assert ids(read(b"\xef\xbb\xbf" + body(event()))) == ["e1"]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"", "the body is empty"),
        (b" \n", "the body is empty"),
        (b"{", "not valid JSON"),
        (b"[{},]", "expecting value at character 4"),
        (b"[{} {}]", "expected ',' or ']' at character 4"),
        (b"[", "expecting value at character 1"),
        (b"[{}", "expected ',' or ']'"),
        (b"[{}] 1", "something follows the array at character 4"),
        (b"{} {}", "something follows the value"),
        (b"nul", "not valid JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'[{"id":' + b"9" * 5000 + b"}]", "too many digits"),
        (b'{"id":"\xff"}', "not UTF-8: byte 7 is 0xff"),
        (b'{"id":"\xed\xa0\x80"}', "not UTF-8"),
        ('{"id":"a"}'.encode("utf-16"), "UTF-16"),
        (b'{"id":"a\nb"}', "invalid control character"),
        (b"\x00", "not valid JSON"),
    ],
)
def test_a_body_that_cannot_be_read_says_why(sent: bytes, said: str) -> None:
    with pytest.raises(MalformedBody, match="body is") as refused:
        read(sent)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/cloudevents+avro", "application/xml"],
)
def test_other_content_types_are_named_with_what_is_read(content_type: str) -> None:
    with pytest.raises(UnsupportedContent, match="application/x-ndjson"):
        read(body(event()), content_type)


def test_other_charsets_are_refused() -> None:
    with pytest.raises(UnsupportedContent, match="UTF-8"):
        read(body(event()), "application/json; charset=latin-1")


@pytest.mark.parametrize("content_type", ["application/json", "application/x-ndjson"])
def test_limits_of_events_and_bytes(content_type: str) -> None:
    lines = content_type != "application/json"
    events = [body(event(id=f"e{n}")) for n in range(3)]
    sent = b"\n".join(events) if lines else b"[" + b",".join(events) + b"]"
    assert len(ids(read(sent, content_type, limits=Limits(events=3)))) == 3
    with pytest.raises(TooLarge, match="more than 2 events"):
        read(sent, content_type, limits=Limits(events=2))
    with pytest.raises(TooLarge, match=f"{len(sent)} bytes"):
        read(sent, content_type, limits=Limits(body_bytes=len(sent) - 1))


def test_the_errors_of_a_body_share_one_parent() -> None:
    assert {MalformedBody, TooLarge, UnsupportedContent} <= set(DecodeError.__subclasses__())


@pytest.mark.parametrize("size", [1_048_560, 1_048_577])
def test_values_are_read_across_the_reading_window(size: int) -> None:
    """Events before, on and after its edge come out whole, and errors keep their place in the body."""
    one = body(event())
    count = size // (len(one) + 1)
    pad = b" " * (size - count * (len(one) + 1))
    sent = b"[" + pad + b",".join([one] * count) + b"]"
    limits = Limits(events=count)
    assert read(sent, limits=limits).positions == list(range(count))
    with pytest.raises(MalformedBody, match=f"expecting value at character {len(sent)}"):
        read(sent[:-1] + b",]", limits=Limits(events=count + 1))
    numbers = b"[" + b",".join([b"1234567"] * (size // 8)) + b"]"
    outcomes = read(numbers, limits=Limits(events=size)).outcomes
    assert len(outcomes) == size // 8


@pytest.mark.parametrize("content_type", ["application/json", "application/x-ndjson"])
def test_a_value_that_would_take_much_memory_is_not_built(content_type: str) -> None:
    with pytest.raises(TooLarge, match="larger than"):
        read(b'{"id":"a","x":[' + b"[]," * 700_000 + b"1]}", content_type)
    with pytest.raises(TooLarge, match="larger than"):
        read(b'[{"id":"a","x":[' + b"[]," * 700_000 + b"1]}]")
