"""A usage event survives every framing unchanged, and bytes that are no event are refused by name."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import fastavro
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from outlay_schemas import codec
from outlay_schemas.codec import (
    USAGE_EVENT,
    CodecError,
    UsageDecoder,
    decode,
    encode,
    encode_confluent,
    encode_single_object,
    schema_fingerprint,
)
from outlay_schemas.units import FREQUENT
from outlay_schemas.usage import MAX_EVENT_BYTES, UsageEvent

EVENT = UsageEvent(
    id="01KD2V5T9R6M0Q8Y3N4B7X1ZAA",
    source="urn:outlay:sdk:search-api",
    time=datetime(2026, 11, 23, 0, 0, 1, 840_000, tzinfo=UTC),
    provider="openai",
    model="gpt-5-mini-2025-08-07",
    quantities={"input_tokens": Decimal(386), "cached_input_tokens": Decimal(1920), "images": Decimal("0.5")},
    team="search",
    tags={"b": "2", "a": "1"},
)
REGISTRY = {7: USAGE_EVENT}

printable = st.characters(exclude_categories=("Cs", "Cc"))
text = st.sampled_from(["x" * 256, "𝄞" * 256, "é", " "]) | st.text(printable, min_size=1, max_size=8)
units = st.sampled_from(["images", "requests", "a", "z" * 64, *(f"unit_{n}" for n in range(64))])
quantity = st.one_of(
    st.sampled_from(
        [Decimal(0), Decimal(10**15), Decimal("1E+15"), Decimal("1E-9"), Decimal("999999999999999.999999999")]
    ),
    st.decimals(0, 10**14, places=9),
)
amount = st.one_of(
    st.sampled_from(
        [Decimal(10**12), Decimal("-1E+12"), Decimal("1E-12"), Decimal("-0"), Decimal("999999999999.999999999999")]
    ),
    st.decimals(-(10**12), 10**12, places=12),
)
instant = st.datetimes(
    min_value=datetime(1, 1, 3),  # noqa: DTZ001
    max_value=datetime(9999, 12, 29),  # noqa: DTZ001
    timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)


@st.composite
def events(draw: st.DrawFn) -> UsageEvent:
    kind = draw(st.sampled_from(["usage", "invoice", "adjustment"]))
    counts = st.dictionaries(st.sampled_from(FREQUENT), st.integers(0, 10**15).map(Decimal))
    optional = {
        name: draw(st.none() | text)
        for name in UsageEvent.model_fields
        if name in {"service_tier", "region", "operation", "business_unit", "department", "team", "project", "app"}
        or name in {"env", "key", "user", "use_case", "request_id", "trace_id"}
    }
    milliseconds = st.none() | st.integers(0, 2**31 - 1)
    return UsageEvent(
        id=draw(text),
        source=draw(text),
        time=draw(instant),
        provider=draw(text),
        model=draw(text),
        quantities=draw(counts) | draw(st.dictionaries(units, quantity, max_size=57)),
        tags=draw(st.dictionaries(text, text, max_size=5)),
        latency_ms=draw(milliseconds),
        ttft_ms=draw(milliseconds),
        outcome=draw(st.sampled_from(["ok", "error"])),
        estimated=draw(st.booleans()),
        kind=kind,
        category=draw(st.none() | st.sampled_from(["compute", "model_api", "data"])),
        amount=None if kind == "usage" else draw(amount),
        provider_cost=draw(st.none() | amount),
        **optional,
    )


@given(event=events(), schema_id=st.integers(0, 2**32 - 1))
@example(event=EVENT, schema_id=0)
def test_every_framing_gives_the_event_back(event: UsageEvent, schema_id: int) -> None:
    decoder = UsageDecoder(resolve=lambda _id: USAGE_EVENT)
    assert decode(encode(event)) == event
    for data in (encode(event), encode_single_object(event), encode_confluent(event, schema_id)):
        assert decoder.decode(data) == event


@given(event=events())
def test_the_same_event_gives_the_same_bytes(event: UsageEvent) -> None:
    turned = event.model_copy(
        update={
            "tags": dict(reversed(event.tags.items())),
            "quantities": dict(reversed(event.quantities.items())),
            "time": event.time.astimezone(UTC),
        }
    )
    assert encode(turned) == encode(event)


def test_reads_what_another_library_call_wrote_with_defaults_alone() -> None:
    schema = {"type": "record", "name": "UsageEvent", "namespace": "dev.outlay.v1"}
    schema["fields"] = [f for f in USAGE_EVENT["fields"] if f["name"] in {"id", "time", "provider", "model"}]
    out = codec.io.BytesIO()
    record = {"id": "e1", "time": EVENT.time, "provider": "openai", "model": "gpt-5"}
    fastavro.schemaless_writer(out, schema, record)
    expected = UsageEvent(**record)
    assert decode(out.getvalue(), writer=schema) == expected
    assert (
        UsageDecoder(earlier=[schema]).decode(codec.SINGLE_OBJECT + schema_fingerprint(schema) + out.getvalue())
        == expected
    )


def test_the_fingerprint_is_the_specification_s() -> None:
    assert schema_fingerprint('"null"').hex() == "8a8f25cce724dd63"


def test_the_first_byte_of_a_plain_event_is_none_of_the_framings() -> None:
    assert USAGE_EVENT["fields"][0] == {"name": "id", "type": "string", "doc": USAGE_EVENT["fields"][0]["doc"]}
    for length in range(1, 257):
        first = encode(EVENT.model_copy(update={"id": "x" * length}))[0]
        assert first % 2 == 0
        assert first > 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "byte 0 of 0"),
        (b"\x00\x00", "Confluent framing needs 5 bytes, got 2"),
        (b"\x01" + bytes(16), "schema GUID"),
        (b'{"id": "e1"}', "JSON"),
        (b"\xc3\x01" + bytes(8), "fingerprint 0000000000000000"),
        (b"\x00\x00\x00\x00\x08" + encode(EVENT), "no schema with id 8"),
        (encode(EVENT)[:-1], "not a usage event at byte"),
        (encode(EVENT) + b"\x00", "1 bytes follow the event"),
        (b"\x02" + encode(EVENT), "not a usage event"),
        (encode(EVENT).replace(b"gpt-5", b"gpt\xff5"), "not a usage event"),
        (encode(EVENT).replace(b"gpt-5", b"gpt\n5"), "model: String should match"),
        (bytes([2]) + bytes(MAX_EVENT_BYTES), "limit is 65536"),
    ],
)
def test_bad_bytes_are_refused_by_name(data: bytes, message: str) -> None:
    with pytest.raises(CodecError, match=message):
        UsageDecoder(resolve=REGISTRY.__getitem__).decode(data)


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: encode(EVENT)[:30] + tail))
@example(b"\xc3\x01" + schema_fingerprint(USAGE_EVENT))
@example(b"\x02a\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01")
@example(b"\x02a\x02b" + b"\xff" * 9 + b"\x01" + b"\x02c\x02d")
def test_any_bytes_are_an_event_or_a_codec_error(data: bytes) -> None:
    decoder = UsageDecoder(resolve=REGISTRY.__getitem__)
    with suppress(CodecError):
        assert isinstance(decoder.decode(data), UsageEvent)


@given(st.data())
def test_a_flipped_byte_is_an_event_or_a_codec_error(data: st.DataObject) -> None:
    bent = bytearray(encode_confluent(EVENT, 7))
    bent[data.draw(st.integers(0, len(bent) - 1))] = data.draw(st.integers(0, 255))
    with suppress(CodecError):
        assert isinstance(UsageDecoder(resolve=REGISTRY.__getitem__).decode(bytes(bent)), UsageEvent)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quantities": {"input_tokens": Decimal("1.5")}}, "input_tokens must be a whole number"),
        ({"quantities": {"images": Decimal("1E-10")}}, "images 1E-10 is not a decimal with 9 decimals"),
        ({"quantities": {"images": Decimal("1E+40")}}, "images 1E[+]40 is not a decimal"),
        ({"quantities": {"images": Decimal("NaN")}}, "images NaN is not a decimal"),
        ({"provider_cost": Decimal("Infinity")}, "provider_cost Infinity is not a decimal"),
        ({"time": EVENT.time.replace(tzinfo=None)}, "has no offset"),
        ({"time": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))}, "outside the years"),
        ({"latency_ms": 2**40}, "does not fit the usage event schema"),
        ({"team": 5}, "does not fit the usage event schema"),
        ({"tags": {f"{n:032}" + "𝄞" * 224: "𝄞" * 256 for n in range(40)}}, "the limit is 65536"),
    ],
)
def test_what_the_schema_cannot_hold_is_never_written(change: dict[str, object], message: str) -> None:
    with pytest.raises(CodecError, match=message):
        encode(EVENT.model_copy(update=change))


def test_a_schema_id_is_four_bytes() -> None:
    with pytest.raises(CodecError, match="4 bytes"):
        encode_confluent(EVENT, 2**32)


def test_without_a_registry_confluent_framing_says_so() -> None:
    with pytest.raises(CodecError, match="needs a resolver"):
        UsageDecoder().decode(encode_confluent(EVENT, 7))


def test_a_writer_whose_amounts_are_not_text_is_refused_before_any_is_read() -> None:
    bent = codec.json.loads(codec.json.dumps(USAGE_EVENT))
    (amount,) = (field for field in bent["fields"] if field["name"] == "amount")
    amount["type"] = ["null", {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 6}]
    with pytest.raises(CodecError, match="schema id 9 cannot be read as a usage event: amount"):
        UsageDecoder(resolve={9: bent}.__getitem__).decode(encode_confluent(EVENT, 9))


@pytest.mark.parametrize("text", ["", " 1", "1e5", "1,5", "NaN", "+1", "1.", ".5", "0x1", "\u0661", "1\n"])
def test_a_quantity_is_plain_digits(text: str) -> None:
    out = codec.io.BytesIO()
    record = codec._record(EVENT) | {"quantities": [{"unit": "images", "quantity": text}]}
    fastavro.schemaless_writer(out, USAGE_EVENT, record)
    with pytest.raises(CodecError, match=r"quantities\.images: .* is not a decimal"):
        decode(out.getvalue())


@pytest.mark.parametrize("schema", ["{", '{"type": "nothing"}', '"string"', "{}"])
def test_a_writer_schema_that_is_none_is_refused(schema: str) -> None:
    with pytest.raises(CodecError, match="the given writer schema"):
        decode(encode(EVENT), writer=schema)


def test_a_unit_given_twice_is_refused() -> None:
    twice = [{"unit": "images", "quantity": "1"}] * 2
    for quantities in (twice, [{"unit": "input_tokens", "quantity": "1"}]):
        out = codec.io.BytesIO()
        record = {"id": "e1", "time": EVENT.time, "provider": "openai", "model": "gpt-5", "quantities": quantities}
        fastavro.schemaless_writer(out, USAGE_EVENT, record)
        with pytest.raises(CodecError, match="given twice"):
            decode(out.getvalue())
