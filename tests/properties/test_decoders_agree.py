"""Columns and the reference decoder agree on every record: valid, invalid, of another schema, or of mangled bytes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay_schemas.codec import CodecError, UsageDecoder
from outlay_schemas.units import CALLS, FREQUENT
from outlay_schemas.usage import MAX_COUNT, UsageEvent, too_far_ahead
from outlay_streams.decode.avro import Writers, decode_avro
from outlay_streams.decode.batch import FIRST_TIME
from outlay_streams.decode.columns import usage_table
from tests.support import avro_records as avro
from tests.support.avro_records import NOW, WRITERS

BRINK = NOW + timedelta(minutes=10)
MICROSECOND = timedelta(microseconds=1)

text = st.sampled_from(["a", "b", "x" * 256, "𝄞" * 256, "é", " ", "日本語", "\x80", "\ufffd"])
maybe = st.none() | text
count = st.none() | st.sampled_from([0, 1, 63, 64, 8191, 8192, MAX_COUNT])
milliseconds = st.none() | st.sampled_from([0, 1, 63, 64, 2**31 - 1])
amount = st.sampled_from(["0", "-1.5", "1000000000000", "-1000000000000", "0.000000000001", "-0", "007"])
number = st.sampled_from(
    ["0", "1", "37.5", "0.000000001", "999999999999999.999999999", "1000000000000000", "5.0", "00"]
)
unit = st.sampled_from(["images", "a", "z" * 64, "unit_1", "unit_2", "b"])
quantity = st.fixed_dictionaries({"unit": unit, "quantity": number})
MANY_UNITS = [{"unit": f"u{at}", "quantity": "1"} for at in range(58)]
CALLED = [{"unit": CALLS, "quantity": "7.0"}, *MANY_UNITS[:3]]
AROUND = (NOW + MICROSECOND, BRINK, FIRST_TIME, NOW - 999 * MICROSECOND)

FIELDS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(["id", "source", "provider", "model"], text),
    "time": st.sampled_from(AROUND),
    **dict.fromkeys(FREQUENT, count),
    "quantities": st.lists(quantity, max_size=4, unique_by=lambda one: one["unit"]) | st.just(CALLED),
    **dict.fromkeys(["service_tier", "team", "user", "use_case", "request_id"], maybe),
    "tags": st.dictionaries(text, text | st.just(""), max_size=4),
    **dict.fromkeys(["latency_ms", "ttft_ms"], milliseconds),
    "outcome": st.sampled_from(["ok", "error"]),
    "estimated": st.booleans(),
    "category": st.none() | st.sampled_from(["compute", "tooling"]),
    "provider_cost": st.none() | amount,
}
BAD_TEXTS = ("", "x" * 257, "𝄞" * 257, "a\x00", "\n", "tab\t", "\x7f", "x\x1f")
BAD_NUMBERS = ("", "-1", "1e3", "1.0000000001", "1000000000000000.1", "٣", " 1", "+1", ".5", "1\n")
BAD_UNITS = ("input_tokens", "Images", "", "a-b", "z" * 65, "é", "a\n")
FAULTS: list[tuple[str, Any]] = [
    *((name, bad) for name in ("id", "provider", "model", "team", "request_id") for bad in BAD_TEXTS),
    *(("tags", {bad: "a"}) for bad in BAD_TEXTS),
    *(("tags", {"a": bad}) for bad in BAD_TEXTS[1:]),
    ("tags", {f"tag {at}": "" for at in range(33)}),
    *(("input_tokens", bad) for bad in (-1, MAX_COUNT + 1, 10**15 + 1, 2**31, 2**63 - 1, -(2**63))),
    *(("latency_ms", bad) for bad in (-1, -(2**31))),
    *(("quantities", [{"unit": "a", "quantity": bad}]) for bad in BAD_NUMBERS),
    *(("quantities", [{"unit": bad, "quantity": "1"}]) for bad in BAD_UNITS),
    *(("quantities", [{"unit": CALLS, "quantity": bad}]) for bad in ("0.5", "-1", "1e1", "1000000000001")),
    ("quantities", [{"unit": "a", "quantity": "1"}, {"unit": "b", "quantity": "1"}, {"unit": "a", "quantity": "1"}]),
    ("quantities", [{"unit": CALLS, "quantity": "1"}] * 2),
    ("quantities", [*MANY_UNITS, *({"unit": f"v{at}", "quantity": "1"} for at in range(7))]),
    *(("time", bad) for bad in (BRINK + MICROSECOND, FIRST_TIME - MICROSECOND)),
    *(("time", bad) for bad in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))),
    *((name, bad) for name in ("outcome", "kind", "category") for bad in ("", "other", "OK")),
    *(("kind", bad) for bad in ("invoice", "adjustment")),
    *((name, bad) for name in ("amount", "provider_cost") for bad in ("1000000000000.000000000001", "0", "", "1e1")),
    ("provider_cost", "0.0000000000001"),
]


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """One record's bytes, framed; any writer, some fields other than plain, and one in three with a fault."""
    names = draw(st.lists(st.sampled_from(sorted(FIELDS)), max_size=4))
    fields = avro.record(**avro.EXTRAS) | {name: draw(FIELDS[name]) for name in names}
    if draw(st.integers(0, 5)) == 0:
        fields |= {"kind": draw(st.sampled_from(["invoice", "adjustment"])), "amount": draw(amount)}
    if draw(st.integers(0, 2)) == 0:
        fields |= dict([draw(st.sampled_from(FAULTS))])
    schema_id = draw(st.sampled_from(sorted(WRITERS)))
    writer = WRITERS[schema_id]
    if writer is avro.NARROWER:
        fields |= {"provider": fields["provider"].encode()}
        fields |= {name: (fields[name] or 0) % 2**31 for name in ("input_tokens", "output_tokens")}
    data = avro.written(fields, writer)
    if schema_id == 1 and draw(st.booleans()):
        return draw(st.sampled_from([data, avro.single_object(data)]))
    return avro.confluent(data, schema_id)


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """A record with bytes changed, cut off, put in or put behind; or no record at all."""
    value = bytearray(draw(records()))
    place = draw(st.integers(0, len(value) - 1))
    some = draw(st.sampled_from([b"\x00", b"\x01", b"\x02", b"\x7f", b"\x80", b"\xff", b"\xff" * 9 + b"\x01"]))
    change: Callable[[], bytes] = draw(
        st.sampled_from(
            [
                lambda: bytes(value[:place] + some + value[place + 1 :]),
                lambda: bytes(value[:place] + some + value[place:]),
                lambda: bytes(value[:place]),
                lambda: bytes(value) + some,
                lambda: bytes(value[: place + 1] + value[place:]),
                lambda: bytes(value[:place] + value[place + 1 :]),
                lambda: bytes(value[:place] + bytes([value[place] ^ (1 << place % 8)]) + value[place + 1 :]),
                lambda: some + bytes(value[place:]),
            ]
        )
    )
    return change()


def expected(value: bytes, decoder: UsageDecoder) -> pa.Table | None:
    """Return the row of a record by the reference decoder, the model, and the bounds of the ledger; None if refused."""
    try:
        event = decoder.decode(value)
    except CodecError:
        return None
    return usage_table([event], org="acme") if fits(event) else None


def fits(event: UsageEvent) -> bool:
    counts = [event.quantities.get(unit, Decimal(0)) for unit in (*FREQUENT, CALLS)]
    counted = all(count <= MAX_COUNT and count % 1 == 0 for count in counts)
    return counted and event.time >= FIRST_TIME and not too_far_ahead(event.time, NOW)


def check(values: list[bytes]) -> None:
    """Hold a batch, every part of it by column where the bulk decoder reads it at all, against the reference."""
    batch = decode_avro(values, "acme", now=NOW, writers=Writers(resolve=WRITERS.__getitem__), few=1)
    decoder = UsageDecoder(resolve=WRITERS.__getitem__)
    rows = {at: row for at, value in enumerate(values) if (row := expected(value, decoder)) is not None}
    assert batch.rows.tolist() == list(rows)
    assert sorted([*batch.rows.tolist(), *batch.rejected.tolist()]) == list(range(len(values)))
    assert batch.rejects.num_rows == len(batch.rejected)
    batch.usage.validate(full=True)
    if rows:
        assert batch.usage.equals(pa.concat_tables(rows.values()))


@settings(max_examples=150, deadline=None)
@given(st.lists(records(), min_size=1, max_size=12))
def test_on_any_fields_of_any_writer(values: list[bytes]) -> None:
    check(values)


@settings(max_examples=150, deadline=None)
@given(st.lists(mangled() | records(), min_size=1, max_size=12))
def test_on_mangled_bytes_among_whole_ones(values: list[bytes]) -> None:
    check(values)


@settings(max_examples=150, deadline=None)
@given(mangled())
def test_on_mangled_bytes_alone(value: bytes) -> None:
    check([value])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=64).filter(lambda value: value[:1] != b"{"), min_size=1, max_size=12))
def test_on_any_bytes(values: list[bytes]) -> None:
    check(values)
