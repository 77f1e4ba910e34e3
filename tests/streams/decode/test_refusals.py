"""One bad event never fails its batch, and is told where, what and how to mend it."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import pytest

from outlay_schemas.outcome import Verdict
from outlay_streams.decode import decode
from tests.support.events import NOW, body, decoded, event


def refusal(**fields: Any) -> tuple[str, str]:
    batch = decoded([event(**fields)])
    (outcome,) = batch.outcomes
    assert outcome is not None
    assert outcome.verdict is Verdict.REJECTED
    assert batch.usage.num_rows == 0
    return outcome.pointer or "", outcome.reason or ""


@pytest.mark.parametrize(
    ("fields", "pointer", "said"),
    [
        ({"modle": "x"}, "/modle", "unknown field 'modle'; did you mean 'model'?"),
        ({"timestamp": "x"}, "/timestamp", "did you mean 'time'?"),
        ({"zz": 1}, "/zz", "free values belong in tags"),
        ({"input_tokens": 3}, "/input_tokens", "counts belong in quantities"),
        ({"specversion": "1.0"}, "/specversion", "application/cloudevents+json"),
        ({"quantities": {"Input-Tokens": 1}}, "/quantities/Input-Tokens", "did you mean 'input_tokens'?"),
        (
            {"quantities": {"input_tokens": 1.5}},
            "/quantities/input_tokens",
            "input_tokens is 1.5; it is counted in whole",
        ),
        ({"quantities": {"requests": "0.5"}}, "/quantities/requests", "whole numbers"),
        (
            {"quantities": {"output_tokens": 10**12 + 1}},
            "/quantities/output_tokens",
            "output_tokens is 1000000000001; one event counts at most 1000000000000",
        ),
        ({"quantities": {"requests": "1000000000001"}}, "/quantities/requests", "at most 1000000000000"),
        ({"quantities": {"input_tokens": -1}}, "/quantities/input_tokens", "-1: input should be greater than or equal"),
        ({"quantities": {"images": True}}, "/quantities/images", "is true"),
        ({"quantities": {"images": 10**16}}, "/quantities/images", "no more than 16 digits before"),
        ({"quantities": {f"u{n}": 1 for n in range(65)}}, "/quantities", "65 entries; at most 64"),
        ({"provider": ...}, "/provider", "provider is required"),
        ({"provider": ..., "model": ...}, "/provider", "(and 1 more)"),
        ({"id": ""}, "/id", "id is empty"),
        ({"id": None}, "/id", "id is null"),
        ({"team": "x" * 257}, "/team", "257 characters; at most 256"),
        ({"team": "a\u0007b"}, "/team", "control character"),
        ({"tags": {"a/b~c": 3}}, "/tags/a~1b~0c", "is 3"),
        ({"tags": {"": "x"}}, "/tags/", "is empty"),
        ({"tags": {f"t{n}": "x" for n in range(33)}}, "/tags", "33 entries; at most 32"),
        ({"time": "2026-05-04T11:00:00"}, "/time", "without an offset; write RFC 3339"),
        ({"time": "yesterday"}, "/time", "'yesterday'; write RFC 3339"),
        ({"time": "2026-05-04T12:10:00.001Z"}, "/time", "more than 0:10:00 ahead"),
        ({"time": "1969-12-31T23:59:59Z"}, "/time", "calendar starts at 1970-01-02"),
        ({"time": 1764000000}, "/time", "is 1764000000; write RFC 3339"),
        ({"time": 1764000000.5}, "/time", "is 1764000000.5; write RFC 3339"),
        ({"time": "1764000000"}, "/time", "is '1764000000'; write RFC 3339"),
        ({"time": True}, "/time", "is true; write RFC 3339"),
        ({"latency_ms": math.nan}, "/latency_ms", "is NaN: input should be a valid integer"),
        ({"latency_ms": math.inf}, "/latency_ms", "is Infinity: input should be a valid integer"),
        ({"latency_ms": "12"}, "/latency_ms", "is '12': input should be a valid integer"),
        ({"ttft_ms": 12.0}, "/ttft_ms", "is 12.0: input should be a valid integer"),
        ({"latency_ms": True}, "/latency_ms", "is true: input should be a valid integer"),
        ({"estimated": "yes"}, "/estimated", "is 'yes': input should be a valid boolean"),
        ({"estimated": 1}, "/estimated", "is 1: input should be a valid boolean"),
        ({"latency_ms": 10**4000}, "/latency_ms", "less than or equal to 2147483647"),
        ({"latency_ms": [1]}, "/latency_ms", "is an array"),
        ({"kind": "bill"}, "/kind", "'usage', 'invoice' or 'adjustment'"),
        ({"kind": "invoice"}, "/amount", "amount is required for kind 'invoice'"),
        ({"amount": "1"}, "/amount", "send it as provider_cost"),
        ({"kind": "invoice", "amount": "0.0000000000001"}, "/amount", "no more than 12 decimal places"),
        ({"kind": "invoice", "amount": "1_0"}, "/amount", "is '1_0': write a number in plain digits"),
        *(
            ({"quantities": {"images": text}}, "/quantities/images", "write a number in plain digits, such as 37.5")
            for text in ("5_0", "\u0665", " 5 ", "5\n", "", "NaN")
        ),
    ],
)
def test_a_refusal_names_the_place_the_value_and_the_fix(fields: dict[str, Any], pointer: str, said: str) -> None:
    found, reason = refusal(**fields)
    assert found == pointer
    assert said in reason


def test_an_event_at_the_edge_of_the_allowance_is_taken() -> None:
    assert decoded([event(time="2026-05-04T12:10:00Z"), event(time="1970-01-02T00:00:00Z")]).outcomes == [None, None]


@pytest.mark.parametrize("text", ["37.5", "0037.50", "+37.5", "3.75e1"])
def test_a_number_may_be_written_as_text(text: str) -> None:
    taken = decoded([event(quantities={"images": text})])
    assert taken.usage["quantities"].to_pylist() == [[("images", Decimal("37.5"))]]


def test_the_others_of_the_batch_keep_their_positions() -> None:
    batch = decoded([event(wrong=1), event(id="e2"), 5, event(id="e4"), None])  # type: ignore[list-item]
    assert batch.positions == [1, 3]
    assert batch.usage["id"].to_pylist() == ["e2", "e4"]
    assert [outcome is None for outcome in batch.outcomes] == [False, True, False, True, False]
    assert batch.outcomes[2] is not None
    assert batch.outcomes[2].reason == "an event is a JSON object; this is a number"


def test_a_refused_event_is_identified_when_its_id_can_be_read() -> None:
    batch = decoded([event(id="e7", wrong=1), event(id={"a": 1})])
    assert [outcome and outcome.id for outcome in batch.outcomes] == ["e7", None]
    assert batch.rejects["id"].to_pylist() == ["e7", ""]
    assert batch.rejects["source"].to_pylist() == ["api", "api"]


def test_values_of_unknown_fields_are_not_kept() -> None:
    secret = "what the user asked the model"
    sent = event(prompt=secret, operation={"messages": [secret]}, tags={"a": [secret]}, note=secret)
    batch = decoded([sent])
    (kept,) = batch.rejects["event"].to_pylist()
    assert secret not in kept
    assert secret not in str(batch.outcomes)
    assert json.loads(kept) | {"operation": None} == json.loads(kept)
    assert json.loads(kept)["prompt"] is None
    assert json.loads(kept)["quantities"] == {"input_tokens": 100, "output_tokens": 20}


def test_what_is_kept_of_a_hostile_event_is_bounded_and_plain_json() -> None:
    sent = event(tags={f"{n}" * 900: "\N{PILE OF POO}" * 900 for n in range(40)}, **{f"f{n}": n for n in range(5000)})
    (kept,) = decoded([sent]).rejects["event"].to_pylist()
    assert len(kept.encode()) <= 64 * 1024
    assert isinstance(json.loads(kept), dict)


def test_a_name_sent_twice_refuses_the_event_alone() -> None:
    sent = b'[{"id":"a","id":"b"},' + body(event())[:-1] + b',"tags":{"x":"1","x":"2"}},' + body(event()) + b"]"
    outcomes = decode(sent, content_type="application/json", org="acme", now=NOW).outcomes
    assert [outcome and outcome.reason for outcome in outcomes] == [
        "the name 'id' appears twice in one object; send it once",
        "the name 'x' appears twice in one object; send it once",
        None,
    ]


def test_an_event_over_64_kib_is_refused_alone_whatever_its_bytes_are() -> None:
    large = event(id="large", operation="\N{GREEK SMALL LETTER ALPHA}" * 33_000)
    batch = decoded([large, event()])
    assert batch.outcomes[1] is None
    assert batch.outcomes[0] is not None
    assert "larger than 65536 bytes" in (batch.outcomes[0].reason or "")
    assert batch.outcomes[0].id == "large"


@pytest.mark.parametrize("number", ["1e999999999", "-1e999999999999999999999", "1e-999999999", "1e70", "0." + "1" * 70])
def test_numbers_no_ledger_holds_are_refused_at_once(number: str) -> None:
    sent = body(event(latency_ms=...))[:-1] + b',"latency_ms":' + number.encode() + b"}"
    (outcome,) = decode(sent, content_type="application/json", org="acme", now=NOW).outcomes
    assert outcome is not None
    assert outcome.pointer == "/latency_ms"
