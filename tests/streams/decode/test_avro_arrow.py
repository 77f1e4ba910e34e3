"""What the bulk decoder does with bytes that are wrong: the reasons why nothing of it is trusted unseen.

The tests of the library alone pin the behaviour that the guards were built for; one that fails after an upgrade says
that a guard may have become needless, never that it may be missing.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyruhvro
import pytest

from outlay_streams.decode import avro_arrow, avro_sizes, avro_text
from outlay_streams.decode.avro_layout import Layout, layout
from tests.support import avro_records as avro
from tests.support.avro_records import WRITERS, record, written


def columnar(schema_id: int = 1) -> Layout:
    found = layout(WRITERS[schema_id], b"")
    assert found is not None
    return found


def batch_of(*values: bytes, schema_id: int = 1) -> pa.RecordBatch:
    return pyruhvro.deserialize_array(list(values), columnar(schema_id).schema)


def size(batch: pa.RecordBatch, schema_id: int = 1) -> list[int]:
    shapes = columnar(schema_id).shapes
    return np.sum([avro_sizes.sizes(batch.column(at), shape) for at, shape in enumerate(shapes)], axis=0).tolist()


def schema_of(*kinds: Any) -> str:
    fields = [{"name": f"f{at}", "type": kind} for at, kind in enumerate(kinds)]
    return json.dumps({"type": "record", "name": "r", "fields": fields})


def test_the_library_does_not_look_at_what_follows_an_event_so_sizes_are_held_against_it() -> None:
    whole = written(record())
    batch = batch_of(whole, whole + b"\x00\x01")
    assert size(batch) == [len(whole), len(whole)]


def test_the_library_takes_any_bytes_for_text_so_texts_are_checked() -> None:
    whole = written(record())
    texts = batch_of(whole, whole.replace(b"openai", b"open\xffi"), whole).column(columnar().columns["provider"])
    assert avro_text.valid(texts).tolist() == [True, False, True]


def test_the_library_narrows_an_int_unseen_so_counts_are_read_as_longs() -> None:
    value = b"\x8a\x80\x80\x80\x20"  # 2^32 + 5
    assert pyruhvro.deserialize_array([value], schema_of("int")).column(0).to_pylist() == [5]
    assert pyruhvro.deserialize_array([value], schema_of("long")).column(0).to_pylist() == [2**32 + 5]
    latency = columnar().columns["latency_ms"]
    assert columnar().shapes[latency] == ["null", "long"]


def test_a_number_in_more_bytes_than_it_needs_is_not_certain() -> None:
    value = b"\x82\x80\x00"
    column = pyruhvro.deserialize_array([value], schema_of("long")).column(0)
    assert column.to_pylist() == [1]
    assert avro_sizes.sizes(column, "long").tolist() == [1]


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\x01",
        b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\xff" * 9 + b"\x01",
        b"\x80" * 11,
        written(record())[:-1],
        written(record()).replace(b"\x00\x00\x00\x04ok", b"\x00\x00\xfe\xff\xff\xff\xff\xff\xff\xff\x7f\x04ok"),
        written(record(tags={"a": "b"})).replace(b"\x02\x02a", b"\xff" * 9 + b"\x01" + b"\x00" + b"\x02a"),
    ],
)
def test_lengths_and_counts_beyond_the_data_are_refused_without_harm(value: bytes) -> None:
    assert list(avro_arrow.batches([value], columnar().schema)) == []


def test_a_refused_event_costs_no_more_than_seven_neighbours() -> None:
    values = [written(record(id=f"e{number}")) for number in range(1000)]
    values[500] = values[500][:-1]
    ((rows, batch),) = avro_arrow.batches(values, columnar().schema)
    assert 500 not in rows
    assert len(rows) >= 1000 - 8
    assert batch.column(columnar().columns["id"]).to_pylist() == [f"e{at}" for at in rows]


def test_a_panic_of_the_library_is_a_refusal(capfd: pytest.CaptureFixture[str]) -> None:
    item = {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 9}
    schema = schema_of(
        {"type": "array", "items": {"type": "record", "name": "q", "fields": [{"name": "n", "type": item}]}}
    )
    assert list(avro_arrow.batches([b"\x02\x02\x05\x00"], schema)) == []
    assert "panicked" in capfd.readouterr().err


@pytest.mark.parametrize("schema_id", [1, 2, 3, 4, 5])
def test_sizes_are_those_of_the_encoder(schema_id: int) -> None:
    long = {"id": "x" * 200, "team": "é" * 64, "input_tokens": 2**31 - 1, "latency_ms": 64, "tags": {"a": "b" * 70}}
    many = {"tags": {str(n): "" for n in range(70)}, "quantities": [{"unit": "a", "quantity": "1"}] * 65}
    fields = [record(**avro.EXTRAS, **more) for more in ({}, long, many)]
    if schema_id == 5:
        fields = [one | {"provider": b"openai"} for one in fields]
    values = [written(one, WRITERS[schema_id]) for one in fields]
    assert size(batch_of(*values, schema_id=schema_id), schema_id) == [len(value) for value in values]


@pytest.mark.parametrize("number", [0, 1, -1, 63, 64, -64, -65, 2**62 - 1, 2**63 - 1, -(2**63)])
def test_the_size_of_a_number_is_its_zigzag_bytes(number: int) -> None:
    value = written({"n": number}, {"type": "record", "name": "r", "fields": [{"name": "n", "type": "long"}]})
    assert avro_sizes.sizes(pa.array([number], pa.int64()), "long").tolist() == [len(value)]


def test_shapes_that_columns_cannot_read_are_left_to_the_reference_decoder() -> None:
    assert layout(avro.ODD, b"") is None
    assert layout(avro.schema(team=["null", "string", "long"]), b"") is None
    assert layout(avro.schema(estimated=["boolean"]), b"") is None


def test_the_framing_is_skipped_as_leading_fields() -> None:
    plain = written(record())
    for value, mark in ((avro.confluent(plain, 0xC301807F), 5), (avro.single_object(plain), 10)):
        found = layout(WRITERS[1], value[:mark])
        assert found is not None
        batch = pyruhvro.deserialize_array([value], found.schema)
        assert batch.column(found.columns["id"]).to_pylist() == ["e1"]
        sizes = [avro_sizes.sizes(batch.column(at), shape) for at, shape in enumerate(found.shapes)]
        assert sum(sizes).tolist() == [len(value)]
