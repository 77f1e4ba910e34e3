"""What is left of blocks for later: stored with the next or when told to, exactly, whatever the store does."""

from __future__ import annotations

import pytest

from outlay_infra.errors import QueryError, StoreError, StoreUnavailable
from outlay_schemas.outcome import Outcome
from outlay_streams.runtime.committer import Committer
from tests.properties.test_replay import committer
from tests.support.events import decoded, event
from tests.support.memory_ledger import MemoryLedger


@pytest.fixture
def ledger() -> MemoryLedger:
    ledger = MemoryLedger()
    ledger.early = True
    return ledger


@pytest.fixture
def writer(ledger: MemoryLedger) -> Committer:
    return committer(ledger)


def count(writer: Committer, *names: str, more: bool) -> list[str]:
    (result,) = writer.commit([("acme", decoded([event(id=name) for name in names]))], lambda _: more)
    assert not isinstance(result, Exception)
    return [_verdict(outcome) for outcome in result]


def _verdict(outcome: Outcome) -> str:
    return outcome.verdict.value


def ids(ledger: MemoryLedger) -> list[str]:
    return sorted(ledger.table("entries")["id"].to_pylist())


def test_while_more_comes_the_rest_is_left_and_repeats_are_known(writer: Committer, ledger: MemoryLedger) -> None:
    assert count(writer, "a", more=True) == ["accepted"]
    assert count(writer, "a", "b", more=True) == ["duplicate", "accepted"]
    assert (ids(ledger), writer.begun) == ([], True)
    writer.settle()
    assert (ids(ledger), writer.begun) == (["a", "b"], False)


@pytest.mark.parametrize("failure", [StoreUnavailable("away"), QueryError("a rollup does not fit")])
def test_what_was_left_and_cannot_be_stored_is_finished_later(
    writer: Committer, ledger: MemoryLedger, failure: StoreError
) -> None:
    count(writer, "a", more=True)
    count(writer, "b", more=True)
    ledger.failure = failure
    with pytest.raises(type(failure)):
        writer.settle()
    assert writer.unsettled
    ledger.failure = None
    assert count(writer, "a", "b", "c", more=False) == ["duplicate", "duplicate", "accepted"]
    assert (ids(ledger), ledger.half_stored(), writer.unsettled) == (["a", "b", "c"], 0, False)


def test_a_block_that_got_no_answer_and_is_refused_then_holds_nobody_up(
    writer: Committer, ledger: MemoryLedger
) -> None:
    ledger.early, ledger.failure = False, StoreUnavailable("away")
    writer.commit([("acme", decoded([event(id="a")]))])
    ledger.failure, ledger.refuses = None, QueryError("a value does not fit")
    assert count(writer, "b", more=False) == ["accepted"]
    assert (ids(ledger), writer.unsettled) == (["b"], False)


def test_a_block_that_gets_no_answer_leaves_those_before_it_open_too(writer: Committer, ledger: MemoryLedger) -> None:
    count(writer, "a", more=True)
    ledger.early, ledger.failure = False, StoreUnavailable("away")
    (result,) = writer.commit([("acme", decoded([event(id="b")]))])
    assert isinstance(result, StoreUnavailable)
    ledger.failure = None
    writer.settle()
    assert (ids(ledger), ledger.half_stored()) == (["a", "b"], 0)
