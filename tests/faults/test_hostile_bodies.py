"""Whatever is posted, decoding returns or says why not; nothing else ever comes out of it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from outlay_schemas.arrow import REJECTS, USAGE
from outlay_schemas.outcome import Verdict
from outlay_schemas.usage import CLOUDEVENT_TYPE, MAX_EVENT_BYTES, UsageEvent
from outlay_streams.decode import DecodeError, Limits, decode, decompress
from outlay_streams.identity import identify
from tests.support.events import NOW, event

CONTENT_TYPES = (
    "application/json",
    "application/x-ndjson",
    "application/cloudevents+json",
    "application/cloudevents-batch+json",
    "text/plain",
    "application/json; charset=utf-16",
    "",
    ";;=",
)
LIMITS = Limits(body_bytes=200_000, events=50)

numbers = st.sampled_from(
    ["NaN", "-Infinity", "1e400", "-0", "1E-500", "1e999999999999", "9" * 400, "0." + "3" * 100, "-1", "1.5", "0", "7"]
)
text = st.text(max_size=20) | st.sampled_from(["\ud800", "\x00", "\u2028", "x" * 300, "\N{PILE OF POO}" * 300])
scalars = st.none() | st.booleans() | text | st.integers() | st.floats()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4), max_leaves=12
)
names = st.sampled_from([*UsageEvent.model_fields, "data", "specversion", "type", "prompt"]) | text
times = st.sampled_from(
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1969-12-31T23:59:59Z", "2026-05-04T00:00:60Z", "1e9"]
)
units = st.dictionaries(st.sampled_from(["input_tokens", "requests", "images", "Ungültig", ""]), values, max_size=4)


@st.composite
def broken_events(draw: st.DrawFn) -> dict[str, Any]:
    """Return a valid event with some of its fields exchanged for anything."""
    changes = draw(st.dictionaries(names, values, max_size=4))
    special = draw(st.fixed_dictionaries({}, optional={"time": times, "quantities": units}))
    sent = event() | changes | special
    return draw(st.sampled_from([sent, {"specversion": "1.0", "type": CLOUDEVENT_TYPE, "data": sent} | changes]))


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Return JSON of odd events with odd numbers spliced in, sometimes cut, spoiled or compressed twice."""
    found = draw(st.lists(broken_events() | values, max_size=4))
    written = json.dumps(found) if draw(st.booleans()) else "\n".join(map(json.dumps, found))
    written = written.replace("100", draw(numbers), 1).replace('"e1"', draw(numbers), draw(st.integers(0, 1)))
    sent = written.encode("utf-8", "surrogatepass")
    cut, at = draw(st.integers(0, 3)), draw(st.integers(0, max(len(sent) - 1, 0)))
    return (sent, sent[:at], sent[:at] + draw(st.binary(max_size=5)) + sent[at:], sent)[cut]


headers = st.dictionaries(
    st.sampled_from(["ce-specversion", "ce-id", "ce-source", "CE-Type", "ce-time", "ce-", "x"]), st.text(max_size=12)
)


@settings(max_examples=500, deadline=None)
@given(
    sent=bodies() | st.binary(max_size=60),
    content_type=st.sampled_from(CONTENT_TYPES) | text,
    headers=headers | st.just({}),
)
def test_decoding_returns_or_refuses_and_nothing_else(sent: bytes, content_type: str, headers: dict[str, str]) -> None:
    try:
        batch = decode(sent, content_type=content_type, org="acme", now=NOW, headers=headers, limits=LIMITS)
    except DecodeError:
        return
    batch.usage.validate(full=True)
    batch.rejects.validate(full=True)
    assert (batch.usage.schema, batch.rejects.schema.names) == (USAGE, REJECTS.names)
    assert len(identify(batch.usage)) == batch.usage.num_rows
    refused_at = [position for position, outcome in enumerate(batch.outcomes) if outcome is not None]
    assert sorted(batch.positions + refused_at) == list(range(len(batch.outcomes)))
    for position, kept in zip(refused_at, batch.rejects.to_pylist(), strict=True):
        outcome = batch.outcomes[position]
        assert outcome is not None
        assert (outcome.verdict, outcome.reason) == (Verdict.REJECTED, kept["reason"])
        assert kept["reason"]
        assert len(kept["event"].encode()) <= MAX_EVENT_BYTES
        json.loads(kept["event"], parse_constant=int)


@settings(deadline=None)
@given(
    content=st.binary(max_size=200), encoding=st.sampled_from(["gzip", "zstd", "gzip, zstd", ""]) | st.text(max_size=10)
)
def test_decompression_returns_within_the_limit_or_refuses(content: bytes, encoding: str) -> None:
    try:
        assert len(decompress(content, encoding=encoding, limit=100)) <= 100
    except DecodeError:
        return


def test_many_small_faults_stay_small() -> None:
    sent = json.dumps([{f"x{n}" * 20: n for n in range(300)}] * LIMITS.events).encode()[: LIMITS.body_bytes * 10]
    batch = decode(
        sent, content_type="application/json", org="acme", now=NOW, limits=Limits(body_bytes=10**7, events=50)
    )
    assert all(len(outcome.reason or "") < 400 for outcome in batch.outcomes if outcome)
    assert max(map(len, batch.rejects["event"].to_pylist())) < 10_000
