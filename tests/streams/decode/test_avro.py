"""Usage records in any framing and of any schema become rows or refusals, and a poison record harms no other."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from outlay_schemas.arrow import REJECTS, USAGE
from outlay_schemas.usage import MAX_EVENT_BYTES
from outlay_streams.decode.avro import AvroBatch, Writers, decode_avro
from tests.support import avro_records as avro
from tests.support.avro_records import NOW, WRITERS, confluent, record, single_object, written

BOTH_WAYS = pytest.mark.parametrize("few", [1, 1000], ids=["columns", "reference"])
MILLISECONDS = int(NOW.timestamp() * 1000)


def decoded(*values: bytes | None, few: int = 1, **named: Any) -> AvroBatch:
    given = {"orgs": "acme", "now": NOW, "writers": Writers(resolve=WRITERS.__getitem__), **named}
    return decode_avro(values, given.pop("orgs"), few=few, **given)


def only(batch: AvroBatch) -> dict[str, Any]:
    (row,) = batch.usage.to_pylist(maps_as_pydicts="strict")
    assert isinstance(row, dict)
    return row


def refusal(batch: AvroBatch) -> tuple[str, str]:
    assert batch.usage.num_rows == 0
    (row,) = batch.rejects.to_pylist()
    return row["pointer"], row["reason"]


@BOTH_WAYS
def test_every_field_lands_in_its_column(few: int) -> None:
    fields = record(
        source="urn:outlay:sdk:search",
        time=NOW - timedelta(microseconds=1),
        service_tier="batch",
        team="search",
        user="日本語",
        tags={"b": "2", "a": ""},
        input_tokens=386,
        cached_input_tokens=0,
        quantities=[{"unit": "requests", "quantity": "3"}, {"unit": "images", "quantity": "0.5"}],
        latency_ms=1200,
        outcome="error",
        estimated=True,
        provider_cost="-0.000000000001",
    )
    row = only(decoded(written(fields), few=few))
    assert row == {
        **dict.fromkeys(USAGE.names),
        **dict.fromkeys([name for name in USAGE.names if name.endswith("_tokens")], 0),
        "org": "acme",
        "id": "e1",
        "source": "urn:outlay:sdk:search",
        "time": NOW - timedelta(milliseconds=1),
        "provider": "openai",
        "model": "gpt-5-mini",
        "service_tier": "batch",
        "team": "search",
        "user": "日本語",
        "tags": {"a": "", "b": "2"},
        "input_tokens": 386,
        "calls": 3,
        "quantities": {"images": Decimal("0.500000000")},
        "latency_ms": 1200,
        "outcome": "error",
        "estimated": True,
        "kind": "usage",
        "provider_cost": Decimal("-0.000000000001"),
    }
    assert list(row["tags"]) == ["a", "b"]


@BOTH_WAYS
def test_a_billed_line_stands_for_no_call_of_its_own(few: int) -> None:
    row = only(decoded(written(record(kind="invoice", amount="-12.5", category="compute")), few=few))
    assert (row["calls"], row["amount"], row["category"]) == (0, Decimal("-12.5"), "compute")


def test_framings_and_json_mix_in_one_batch_and_keep_their_order() -> None:
    plain = [written(record(id=f"e{number}")) for number in range(5)]
    sent = {"id": "e5", "time": NOW.isoformat(), "provider": "openai", "model": "gpt-5"}
    values = [plain[0], confluent(plain[1], 1), single_object(plain[2]), plain[3], confluent(plain[4], 1)]
    batch = decoded(*values, json.dumps(sent).encode())
    assert batch.usage["id"].to_pylist() == [f"e{number}" for number in range(6)]
    assert batch.usage["calls"].to_pylist() == [1] * 6
    assert batch.rows.tolist() == list(range(6))
    assert batch.usage.schema == USAGE


def test_a_poison_record_is_refused_and_its_neighbours_are_not() -> None:
    values: list[bytes | None] = [confluent(written(record(id=f"e{number}")), 1) for number in range(100)]
    poison = {
        7: b"",
        20: confluent(written(record(id="cut"))[:-1], 1),
        21: confluent(written(record(id="more")) + b"\x00", 1),
        50: confluent(b"\x80" * 40, 1),
        51: None,
        70: confluent(written(record(id="deaf", provider="")), 1),
        99: b"\x00\x00\x00\x00\x63",
    }
    for at, value in poison.items():
        values[at] = value
    batch = decoded(*values)
    assert batch.rejected.tolist() == sorted(poison)
    assert batch.rows.tolist() == [at for at in range(100) if at not in poison]
    assert batch.usage["id"].to_pylist() == [f"e{at}" for at in batch.rows.tolist()]
    assert batch.rejects.schema.names == REJECTS.names
    assert batch.rejects["org"].to_pylist() == ["acme"] * len(poison)


@pytest.mark.parametrize(
    ("fields", "pointer", "said"),
    [
        ({"provider": ""}, "/provider", "provider is empty"),
        ({"model": "x" * 257}, "/model", "257 characters; at most 256"),
        ({"team": "a\nb"}, "/team", "control character"),
        ({"tags": {"a\x7f": "b"}}, "/tags/a\x7f", "control character"),
        ({"tags": {str(number): "" for number in range(33)}}, "/tags", "33 entries; at most 32"),
        ({"input_tokens": -1}, "/quantities/input_tokens", "greater than or equal to 0"),
        ({"output_tokens": 10**12 + 1}, "/quantities/output_tokens", "one event counts at most 1000000000000"),
        ({"latency_ms": -1}, "/latency_ms", "greater than or equal to 0"),
        ({"quantities": [{"unit": "Images", "quantity": "1"}]}, "/quantities/Images", "lower-case"),
        ({"quantities": [{"unit": "images", "quantity": "1e3"}]}, "/quantities/images", "is not a decimal"),
        ({"quantities": [{"unit": "requests", "quantity": "0.5"}]}, "/quantities/requests", "whole numbers"),
        ({"quantities": [{"unit": "output_tokens", "quantity": "1"}]}, "/quantities/output_tokens", "field of its own"),
        ({"quantities": [{"unit": "a", "quantity": "1"}] * 2}, "/quantities/a", "given twice"),
        ({"outcome": "fine"}, "/outcome", "outcome"),
        ({"kind": "bill"}, "/kind", "kind"),
        ({"category": "food"}, "/category", "category"),
        ({"kind": "invoice"}, "/amount", "amount is required for kind 'invoice'"),
        ({"amount": "1"}, "/amount", "amount is set by pricing"),
        ({"provider_cost": "1.0000000000001"}, "/provider_cost", "is not a decimal"),
        ({"time": NOW + timedelta(minutes=10, microseconds=1)}, "/time", "more than 0:10:00 ahead"),
        ({"time": NOW - timedelta(days=365 * 57)}, "/time", "calendar starts"),
    ],
)
def test_a_broken_rule_is_told_with_its_place(fields: dict[str, Any], pointer: str, said: str) -> None:
    found, reason = refusal(decoded(written(record(**fields))))
    assert found == pointer.replace("\x7f", "\ufffd")
    assert said in reason


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "the record has no value"),
        (b"", "cut short"),
        (b"[]", "one event a record"),
        (b"{", "not valid JSON"),
        (b"{}", "id is required"),
        (b"\xff\xff", "not a usage event"),
        (b"\xc3\x01\x00", "no schema with fingerprint 00"),
        (b"\x00\x00\x00", "Confluent framing needs 5 bytes"),
        (b"\x00\x00\x00\x00\x63", "the registry knows no schema with id 99"),
        (b"\x01" * 20, "schema GUID"),
        (written(record()) + b"\x00", "1 bytes follow the event"),
        (written(record()).replace(b"openai", b"open\xffi"), "not a usage event"),
    ],
)
def test_what_is_no_event_is_told(value: bytes | None, said: str) -> None:
    assert said in refusal(decoded(value))[1]


@BOTH_WAYS
def test_an_event_may_take_64_kib_behind_its_framing_and_no_more(few: int) -> None:
    writer = avro.schema("id", "time", "provider", "model", {"name": "note", "type": "string"})
    writers = Writers(resolve={1: writer}.__getitem__)

    def sized(size: int) -> bytes:
        least = len(written(record(note=""), writer)) + 2  # a length above 8191 takes two bytes more
        return confluent(written(record(note="x" * (size - least)), writer), 1)

    assert len(sized(MAX_EVENT_BYTES)) == MAX_EVENT_BYTES + 5
    assert decoded(sized(MAX_EVENT_BYTES), writers=writers, few=few).usage.num_rows == 1
    assert "the limit is 65536" in refusal(decoded(sized(MAX_EVENT_BYTES + 1), writers=writers, few=few))[1]


def test_tags_in_any_order_are_sorted_and_the_last_of_two_wins_as_in_the_reference() -> None:
    unsorted = [written(record(id=str(number), tags={"b": "1", "a": "2", "é": "3", "Z": "4"})) for number in range(3)]
    (tags, *_) = decoded(*unsorted).usage["tags"].to_pylist()
    assert tags == [("Z", "4"), ("a", "2"), ("b", "1"), ("é", "3")]
    twice = written(record(tags={"aa": "1", "ab": "2"})).replace(b"\x04ab", b"\x04aa")
    assert only(decoded(twice))["tags"] == {"aa": "2"}


@BOTH_WAYS
def test_a_map_in_blocks_is_read_like_any_other(few: int) -> None:
    writer = avro.schema("id", "time", "provider", "model", "tags")
    whole = written(record(tags={"a": "1"}), writer)
    in_blocks = whole.removesuffix(b"\x02\x02a\x021\x00") + b"\x01\x08\x02a\x021" + b"\x02\x02b\x022" + b"\x00"
    batch = decoded(confluent(in_blocks, 1), writers=Writers(resolve={1: writer}.__getitem__), few=few)
    assert only(batch)["tags"] == {"a": "1", "b": "2"}


@BOTH_WAYS
@pytest.mark.parametrize("schema_id", sorted(WRITERS))
def test_older_and_newer_writers_are_read(schema_id: int, few: int) -> None:
    writer = WRITERS[schema_id]
    fields = record(**avro.EXTRAS, input_tokens=5, team="search", tags={"b": "2", "a": "1"}, source="s")
    sent = {**fields, "provider": b"openai"} if writer is avro.NARROWER else fields
    row = only(decoded(confluent(written(sent, writer), schema_id), few=few))
    has = {field["name"] for field in writer["fields"]}
    assert row["provider"] == "openai"
    assert row["input_tokens"] == (5 if "input_tokens" in has else 0)
    assert row["team"] == ("search" if "team" in has else None)
    assert row["source"] == ("s" if "source" in has else "api")
    assert row["tags"] == ({"a": "1", "b": "2"} if "tags" in has else {})
    assert (row["outcome"], row["kind"], row["estimated"], row["calls"]) == ("ok", "usage", False, 1)


def _with(kind: Any) -> dict[str, Any]:
    return avro.schema("id", "time", "provider", "model", {"name": "extra", "type": kind})


@pytest.mark.parametrize(
    ("writer", "said"),
    [
        (avro.schema("id", "time", "provider"), "model: the writer has no such field"),
        (avro.schema(time="long"), "time: logicalType is None"),
        (avro.schema(id="long"), "id: the writer has long, the reader string"),
        ("{", "is not an Avro schema"),
        (_with({"type": "array", "items": "null"}), "takes no bytes"),
        (_with({"type": "array", "items": {"type": "record", "name": "Nil", "fields": []}}), "takes no bytes"),
        (_with({"type": "fixed", "name": "Nil", "size": 0}), "takes no bytes"),
        (_with(["null", "dev.outlay.v1.UsageEvent"]), "holds itself"),
    ],
)
def test_a_writer_schema_that_cannot_be_read_safely_is_refused(writer: Any, said: str) -> None:
    batch = decoded(confluent(written(record()), 1), writers=Writers(resolve={1: writer}.__getitem__))
    assert said in refusal(batch)[1]


def test_a_schema_is_asked_for_once_and_an_unknown_one_once_a_batch() -> None:
    asked = []

    def resolve(schema_id: int) -> Any:
        asked.append(schema_id)
        return WRITERS[schema_id]

    writers = Writers(resolve=resolve)
    values = [confluent(written(record(id=str(number))), 1 + number % 2 * 98) for number in range(6)]
    for _ in range(2):
        assert decoded(*values, writers=writers).rows.tolist() == [0, 2, 4]
    assert asked == [1, 99, 99]


def test_a_registry_that_cannot_be_asked_stops_the_batch() -> None:
    def resolve(schema_id: int) -> Any:
        raise ConnectionError("registry is down")

    with pytest.raises(ConnectionError, match="registry is down"):
        decoded(confluent(written(record()), 1), writers=Writers(resolve=resolve))


@BOTH_WAYS
def test_each_time_is_held_against_the_moment_its_record_was_produced(few: int) -> None:
    values = [written(record(id=str(number), time=NOW + timedelta(minutes=5))) for number in range(3)]
    produced = MILLISECONDS + np.array([0, -300_001, -300_000])
    assert decoded(*values, now=produced, few=few).rows.tolist() == [0, 2]


@BOTH_WAYS
@pytest.mark.parametrize("produced", [2**63 - 1, -(2**63)])
def test_a_record_with_an_absurd_date_is_judged_like_any_other(produced: int, few: int) -> None:
    batch = decoded(written(record()), now=[produced], few=few)
    assert batch.rows.tolist() == ([0] if produced > 0 else [])


def test_each_record_has_an_org_and_one_that_cannot_be_kept_is_refused() -> None:
    values = [written(record(id=str(number))) for number in range(5)]
    batch = decoded(*values, orgs=["acme", "a\x1fb", "", "globex", "\udcff"])
    assert batch.usage.select(["org", "id"]).to_pylist() == [{"org": "acme", "id": "0"}, {"org": "globex", "id": "3"}]
    assert batch.rejected.tolist() == [1, 2, 4]
    assert batch.rejects["org"].to_pylist() == ["a\ufffdb", "", "\ufffd"]
    batch.rejects["org"].validate(full=True)


def test_no_records_make_no_rows() -> None:
    batch = decoded()
    assert batch.usage.equals(USAGE.empty_table())
    assert batch.rejects.num_rows == len(batch.rows) == len(batch.rejected) == 0


def test_columns_and_the_reference_give_the_same_table_and_refusals() -> None:
    values = [written(record(id=f"e{number}", user="x" * (number % 300))) for number in range(600)]
    columns, reference = decoded(*values), decoded(*values, few=10_000)
    assert columns.usage.equals(reference.usage)
    assert columns.rejects.equals(reference.rejects)
    assert pa.types.is_map(columns.usage.schema.field("tags").type)
