"""However events are cut into batches, ordered, repeated or interrupted, the ledger is the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay_infra.errors import StoreUnavailable
from outlay_schemas.outcome import Outcome
from outlay_streams.cells import cells
from outlay_streams.dedupe import Deduper
from outlay_streams.runtime.committer import PREFIX, Committer
from tests.support.events import NOW, ManualClock, decoded, event
from tests.support.flat_rules import flat_rules
from tests.support.memory_ledger import MemoryLedger

Events = list[dict[str, Any]]

MOST = 100_000
HORIZON = timedelta(days=30)
STAMPS = ("received", "partition", "block")

events = st.builds(
    event,
    id=st.integers(0, 400).map(str),
    source=st.sampled_from(["api", "sdk"]),
    time=st.integers(0, 3 * 24 * 60).map(lambda minutes: (NOW - timedelta(minutes=minutes)).isoformat()),
    model=st.sampled_from(["gpt-5-mini", "nova"]),
    team=st.sampled_from(["search", "ads", ...]),
    tags=st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy"), max_size=2),
    quantities=st.dictionaries(st.sampled_from(["input_tokens", "output_tokens", "images"]), st.integers(0, 9)),
)
distinct = st.lists(events, max_size=25, unique_by=lambda sent: (sent["source"], sent["id"]))


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield


def committer(ledger: MemoryLedger, generation: int = 1) -> Committer:
    """Start as the runtime does: mend, then rebuild what memory knows."""
    ledger.recover(PREFIX)
    recent = ledger.recent_ids(NOW - HORIZON, MOST)
    deduper = Deduper.rebuilt(recent, now=NOW, horizon=HORIZON, most=MOST)
    return Committer(ledger=ledger, clock=ManualClock(), rules=flat_rules, deduper=deduper, generation=generation)


def count(writer: Committer, batches: Sequence[Events]) -> list[Outcome]:
    found: list[Outcome] = []
    for result in writer.commit([("acme", decoded(batch)) for batch in batches]):
        assert not isinstance(result, Exception), result
        found += result
    return found


def content(ledger: MemoryLedger) -> list[dict[str, Any]]:
    """Return the entries, in one order, without what says when and in which block they came."""
    entries = ledger.table("entries").drop_columns(STAMPS).to_pylist(maps_as_pydicts="strict")
    return sorted(entries, key=lambda entry: (entry["source"], entry["id"]))


def summed(ledger: MemoryLedger) -> list[dict[str, Any]]:
    """Return the cells of all blocks summed by their dimensions."""
    rows = ledger.table("cells")
    measures = ["amount", "entries", "calls", "input_tokens", "output_tokens"]
    keys = [name for name in rows.column_names if name not in measures and not name.endswith("_tokens")]
    totals = rows.group_by(keys).aggregate([(name, "sum") for name in measures])
    return sorted(totals.to_pylist(), key=lambda row: [str(row[key]) for key in keys])


def cut(sent: Events, draw: st.DrawFn) -> list[Events]:
    """Cut events into batches at places of hypothesis' choosing."""
    places = sorted(draw(st.lists(st.integers(0, len(sent)), max_size=6)))
    return [sent[start:stop] for start, stop in zip([0, *places], [*places, len(sent)], strict=True)]


@settings(max_examples=40, deadline=None)
@given(distinct, st.data())
def test_order_and_batches_change_nothing(sent: Events, data: st.DataObject) -> None:
    whole, parts = MemoryLedger(), MemoryLedger()
    count(committer(whole), [sent])
    shuffled = cut(data.draw(st.permutations(sent)), data.draw)
    writer = committer(parts)
    for group in (shuffled[::2], shuffled[1::2]):
        if group:
            count(writer, group)
    assert content(parts) == content(whole)
    assert summed(parts) == summed(whole)


@settings(max_examples=40, deadline=None)
@given(st.lists(events, max_size=25), st.integers(0, 25), st.booleans(), st.data())
def test_replaying_any_prefix_changes_nothing(
    sent: Events,
    prefix: int,
    restarted: bool,
    data: st.DataObject,
) -> None:
    ledger = MemoryLedger()
    writer = committer(ledger)
    first = [outcome.verdict for outcome in count(writer, cut(sent, data.draw))]
    before = content(ledger), summed(ledger)
    writer = committer(ledger, generation=2) if restarted else writer
    again = [outcome.verdict for outcome in count(writer, [sent[:prefix]])]
    assert (content(ledger), summed(ledger)) == before
    assert [verdict == "conflict" for verdict in again] == [verdict == "conflict" for verdict in first[:prefix]]
    assert "accepted" not in again


@settings(max_examples=40, deadline=None)
@given(st.lists(events, max_size=25))
def test_every_event_is_in_exactly_one_count(sent: Events) -> None:
    ledger = MemoryLedger()
    writer = committer(ledger)
    outcomes = count(writer, [sent, [event(wrong=1)], sent])
    receipts = ledger.table("receipts").to_pylist()
    total = {
        name: sum(row[name] for row in receipts)
        for name in ("received", "counted", "duplicate", "conflict", "rejected")
    }
    assert total.pop("received") == len(outcomes) == sum(total.values())
    assert total["counted"] == ledger.table("entries").num_rows == ledger.table("ids").num_rows
    assert total["conflict"] + total["rejected"] == ledger.table("rejects").num_rows


class Flaky(MemoryLedger):
    """Fails as it is told, block by block: not at all, before anything is stored, or with some or all entries in."""

    def __init__(self, plan: Iterator[str]) -> None:
        super().__init__()
        self._plan = plan

    def insert_block(self, block: Any, /, **more: Any) -> bool:
        step = next(self._plan, "fine")
        self.failure = StoreUnavailable(step) if step != "fine" else None
        self.cut_short = step in {"all", "some"}
        if step == "some":
            entries = block.entries.slice(0, block.entries.num_rows // 2)
            block = replace(block, entries=entries, ids=block.ids.slice(0, len(entries)), cells=cells(entries))
        try:
            return super().insert_block(block, **more)
        finally:
            self.failure = None


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(events, max_size=6), max_size=6),
    st.lists(st.sampled_from(["fine", "before", "all", "some"]), max_size=12),
    st.lists(st.booleans(), min_size=40, max_size=40),
)
def test_retries_through_failures_and_restarts_count_once(
    batches: list[Events], plan: list[str], restarts: list[bool]
) -> None:
    steady, flaky = MemoryLedger(), Flaky(iter(plan))
    expected = committer(steady)
    writer, generation, restart = committer(flaky), 1, iter(restarts)
    for batch in batches:
        if not batch:
            continue
        count(expected, [batch])
        while isinstance(writer.commit([("acme", decoded(batch))])[0], Exception):
            if next(restart, False):
                generation += 1
                writer = committer(flaky, generation)
    writer.settle()
    assert content(flaky) == content(steady)
    assert summed(flaky) == summed(steady)
    amounts = pa.concat_tables([flaky.table("entries")])["amount"].drop_null().to_pylist()
    assert sum(amounts, Decimal(0)) == sum((row["amount_sum"] for row in summed(flaky)), Decimal(0))
