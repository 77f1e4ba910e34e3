"""Events as records: the bytes of the reference codec, and keys that let repeats meet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay_infra.kafka.usage_records import UsageEncoder, keys, records
from outlay_schemas import codec
from outlay_schemas.units import FREQUENT
from outlay_schemas.usage import UsageEvent
from outlay_streams.decode.columns import usage_table

_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
_MAYBE = st.none() | _TEXT
_AMOUNT = st.decimals(-(10**12), 10**12, places=12)
_QUANTITY = st.decimals(0, 10**15, places=9)
_PLAIN = [
    name
    for name, field in UsageEvent.model_fields.items()
    if field.default is None and name not in {"latency_ms", "ttft_ms", "category", "amount", "provider_cost"}
]


@st.composite
def events(draw: st.DrawFn) -> UsageEvent:
    kind = draw(st.sampled_from(["usage", "invoice", "adjustment"]))
    counts = draw(st.dictionaries(st.sampled_from([*FREQUENT, "requests"]), st.integers(0, 10**15)))
    others = draw(st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), _QUANTITY, max_size=3))
    fields = {name: draw(_MAYBE) for name in _PLAIN}
    return UsageEvent(
        **fields,
        id=draw(_TEXT),
        source=draw(_TEXT),
        time=draw(st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC))),  # noqa: DTZ001
        provider=draw(_TEXT),
        model=draw(_TEXT),
        quantities={unit: Decimal(count) for unit, count in counts.items()} | others,
        tags=draw(st.dictionaries(_TEXT, _TEXT, max_size=3)),
        latency_ms=draw(st.none() | st.integers(0, 2**31 - 1)),
        ttft_ms=draw(st.none() | st.integers(0, 2**31 - 1)),
        outcome=draw(st.sampled_from(["ok", "error"])),
        estimated=draw(st.booleans()),
        kind=kind,
        category=draw(st.none() | st.just("compute")),
        amount=None if kind == "usage" else draw(_AMOUNT),
        provider_cost=draw(st.none() | _AMOUNT),
    )


def as_kept(event: UsageEvent) -> UsageEvent:
    """Return what the columns keep of an event: milliseconds, and no count that says nothing."""
    usual = Decimal(event.kind == "usage")
    told = {
        unit: count
        for unit, count in event.quantities.items()
        if not (unit in FREQUENT and count == 0) and not (unit == "requests" and count == usual)
    }
    time = event.time - timedelta(microseconds=event.time.microsecond % 1000)
    return event.model_copy(update={"quantities": told, "time": time})


@settings(deadline=None)  # the first batch loads the encoder
@given(st.lists(events(), max_size=9))
def test_values_are_the_bytes_of_the_reference_codec(batch: list[UsageEvent]) -> None:
    values = UsageEncoder().values(usage_table(batch, org="acme"))
    assert values == [codec.encode_single_object(as_kept(event)) for event in batch]


@pytest.mark.parametrize("digits", ["0.000000000001", "-0.000000123", "1000000", "0", "999999999999.999999999999"])
def test_amounts_are_plain_digits(digits: str) -> None:
    event = example(kind="invoice", amount=digits)
    (value,) = UsageEncoder().values(usage_table([event], org="acme"))
    assert codec.UsageDecoder().decode(value).amount == Decimal(digits)
    assert value == codec.encode_single_object(event)


def test_slices_and_chunks_of_a_batch_are_the_same_events() -> None:
    batch = [example(id=f"e{n}", tags={"n": str(n)}, quantities={"images": Decimal(n)}) for n in range(9)]
    table = usage_table(batch, org="acme")
    whole = UsageEncoder().values(table)
    assert UsageEncoder().values(table.slice(3, 4)) == whole[3:7]
    assert UsageEncoder().values(pa.concat_tables([table.slice(7), table.slice(0, 2)])) == whole[7:] + whole[:2]
    assert keys(table.slice(3, 4)) == keys(table)[3:7]
    assert UsageEncoder().values(table.slice(0, 0)) == []


def test_registered_events_name_their_schema() -> None:
    event = example()
    (value,) = UsageEncoder.registered(77).values(usage_table([event], org="acme"))
    assert value == codec.encode_confluent(event, 77)


def test_a_record_is_keyed_by_identity_and_names_its_org() -> None:
    (record,) = records(usage_table([example(id="ü1", source="s")], org="acme"), UsageEncoder(), org="acme")
    assert record.key == "acme\x1fs\x1fü1".encode()
    assert record.headers == [("org", b"acme")]


def example(**fields: object) -> UsageEvent:
    defaults = {"id": "e1", "time": "2026-05-04T11:59:00.250Z", "provider": "openai", "model": "gpt-5-mini"}
    return UsageEvent.model_validate(defaults | fields)
