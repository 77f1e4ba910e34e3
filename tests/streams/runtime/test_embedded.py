"""The embedded runtime: durable before it answers, every event once, and alive whatever the store does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from outlay_infra.errors import QueryError, StoreError, StoreFull, StoreUnavailable
from outlay_schemas.outcome import Outcome, Verdict
from outlay_streams.runtime import embedded
from outlay_streams.runtime.embedded import EmbeddedRuntime, Memory
from outlay_streams.runtime.errors import Busy, NotCounted, Stopped
from outlay_streams.runtime.isolation import MAX_ISOLATED
from outlay_streams.runtime.queue import QueueLimits
from tests.support.events import NOW, ManualClock, decoded, event
from tests.support.flat_rules import BROKEN_MODEL, FlatRules, flat_rules
from tests.support.memory_ledger import MemoryLedger

GENERATION = 9
Running = Callable[..., AbstractContextManager[EmbeddedRuntime]]


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest.fixture
def running(ledger: MemoryLedger) -> Running:
    """Run a runtime over the ledger; by default it is drained at the end."""
    generations = iter(range(GENERATION, GENERATION + 10))

    @contextmanager
    def run(rules: Callable[[str], FlatRules] = flat_rules, **more: object) -> Iterator[EmbeddedRuntime]:
        options = {"ledger": ledger, "clock": ManualClock(), "generation": next(generations), "rules": rules} | more
        runtime = EmbeddedRuntime(**options)  # type: ignore[arg-type]
        try:
            yield runtime
        finally:
            ledger.gate.set()
            runtime.stop(30)

    return run


def verdicts(outcomes: list[Outcome]) -> list[str]:
    return [outcome.verdict.value for outcome in outcomes]


async def publish(runtime: EmbeddedRuntime, *names: str, **fields: object) -> list[str]:
    return verdicts(await runtime.publish("acme", decoded([event(id=name, **fields) for name in names])))


def ids(ledger: MemoryLedger) -> list[str]:
    return sorted(ledger.table("entries")["id"].to_pylist())


async def test_outcomes_come_in_the_order_sent(running: Running) -> None:
    batch = decoded([event(id="a"), event(id="b", wrong=1), event(id="a"), event(id="a", team="x"), event(id="c")])
    with running() as runtime:
        outcomes = await runtime.publish("acme", batch)
    assert verdicts(outcomes) == ["accepted", "rejected", "duplicate", "conflict", "accepted"]
    assert (outcomes[3].id, outcomes[3].pointer) == ("a", "/id")
    assert outcomes[1] is batch.outcomes[1]


async def test_entries_are_stored_before_the_answer(running: Running, ledger: MemoryLedger) -> None:
    with running() as runtime:
        ledger.gate.clear()
        answer = asyncio.create_task(publish(runtime, "a"))
        await asyncio.to_thread(ledger.entered.acquire)
        assert not answer.done()
        ledger.gate.set()
        assert await answer == ["accepted"]
        assert ids(ledger) == ["a"]
        assert ledger.table("entries")["amount"].to_pylist() == [Decimal("0.000120000000")]


async def test_callers_are_answered_once_nothing_can_undo_their_events(running: Running, ledger: MemoryLedger) -> None:
    ledger.early = True
    with running() as runtime:
        ledger.gate.clear()
        assert await publish(runtime, "a") == ["accepted"]
        assert not ledger.blocks
        again = asyncio.create_task(publish(runtime, "a"))
        await asyncio.sleep(0)
        ledger.gate.set()
        assert await again == ["duplicate"]
    assert ids(ledger) == ["a"]


@pytest.mark.parametrize("failure", [StoreUnavailable("away"), QueryError("a rollup does not fit"), RuntimeError()])
async def test_what_fails_after_the_answer_is_mended_and_fails_nobody(
    running: Running, ledger: MemoryLedger, failure: Exception
) -> None:
    ledger.early = True
    with running() as runtime:
        await publish(runtime, "priced")
        ledger.failure = failure
        assert await publish(runtime, "a") == ["accepted"]
        assert await asyncio.to_thread(ledger.entered.acquire)
        ledger.failure = None
        assert await publish(runtime, "a", "b") == ["duplicate", "accepted"]
        assert runtime.stats().failed_groups == 0
    assert ids(ledger) == ["a", "b", "priced"]


async def test_what_waits_while_the_writer_writes_becomes_one_block(running: Running, ledger: MemoryLedger) -> None:
    with running() as runtime:
        ledger.gate.clear()
        first = asyncio.create_task(publish(runtime, "first"))
        await asyncio.to_thread(ledger.entered.acquire)
        rest = [asyncio.create_task(publish(runtime, f"e{n}", "shared")) for n in range(20)]
        await asyncio.sleep(0)
        ledger.gate.set()
        answers = await asyncio.gather(first, *rest)
        assert sum(answer.count("accepted") for answer in answers) == 22
        assert sum(answer.count("duplicate") for answer in answers) == 19
        assert len(ledger.blocks) == 2
        stats = runtime.stats()
        assert (stats.blocks, stats.events, stats.counted, stats.queued_events) == (2, 41, 22, 0)
        assert stats.remembered_bytes == 12 * 22


async def test_offsets_name_the_generation_and_rise(running: Running, ledger: MemoryLedger) -> None:
    for _ in range(2):
        with running() as runtime:
            await publish(runtime, "a")
            await publish(runtime, "b")
    assert [block.offset for block in ledger.blocks.values()] == [
        GENERATION << 32,
        (GENERATION << 32) + 1,
        (GENERATION + 1) << 32,
        ((GENERATION + 1) << 32) + 1,
    ]


async def test_a_restart_remembers_what_the_ledger_holds(running: Running, ledger: MemoryLedger) -> None:
    with running() as runtime:
        assert await publish(runtime, "a", "b") == ["accepted", "accepted"]
    with running() as runtime:
        assert await publish(runtime, "b", "c") == ["duplicate", "accepted"]
        assert await publish(runtime, "a", team="other") == ["conflict"]
    assert ids(ledger) == ["a", "b", "c"]


async def test_ids_beyond_memory_are_looked_up_in_the_store(running: Running, ledger: MemoryLedger) -> None:
    clock = ManualClock(NOW - timedelta(hours=3))
    long_ago = clock.now().isoformat()
    with running(clock=clock, memory=Memory(ids=1000, horizon=timedelta(hours=1))) as runtime:
        assert await publish(runtime, "old", time=long_ago) == ["accepted"]
        clock.advance(timedelta(hours=2))
        assert await publish(runtime, "x") == ["accepted"]
        assert ledger.lookups == []
        assert await publish(runtime, "old", "older", time=long_ago) == ["duplicate", "accepted"]
        assert await publish(runtime, "old", time=long_ago, team="other") == ["conflict"]
        assert await publish(runtime, "y") == ["accepted"]
        assert ledger.lookups == [2, 1]
        assert runtime.stats().looked_up == 3


async def test_a_full_queue_is_busy_and_drops_nothing(running: Running, ledger: MemoryLedger) -> None:
    with running(limits=QueueLimits(events=2)) as runtime:
        ledger.gate.clear()
        writing = asyncio.create_task(publish(runtime, "writing"))
        await asyncio.to_thread(ledger.entered.acquire)
        waiting = asyncio.create_task(publish(runtime, "a", "b"))
        await asyncio.sleep(0)
        with pytest.raises(Busy) as busy:
            await publish(runtime, "c")
        assert 1 <= busy.value.retry_after <= 30
        ledger.gate.set()
        assert await writing + await waiting == ["accepted"] * 3
        assert await publish(runtime, "c") == ["accepted"]
    assert ids(ledger) == ["a", "b", "c", "writing"]


async def test_stopping_writes_what_waits_and_takes_no_more(running: Running, ledger: MemoryLedger) -> None:
    with running() as runtime:
        ledger.gate.clear()
        tasks = [asyncio.create_task(publish(runtime, f"e{n}")) for n in range(3)]
        await asyncio.to_thread(ledger.entered.acquire)
        stopped = asyncio.create_task(asyncio.to_thread(runtime.stop, 30))
        ledger.gate.set()
        assert await stopped
        assert await asyncio.gather(*tasks) == [["accepted"]] * 3
        with pytest.raises(Stopped):
            await publish(runtime, "late")
    assert ids(ledger) == ["e0", "e1", "e2"]


async def test_what_a_deadline_leaves_is_told_to_come_back(running: Running, ledger: MemoryLedger) -> None:
    with running() as runtime:
        ledger.gate.clear()
        writing = asyncio.create_task(publish(runtime, "writing"))
        await asyncio.to_thread(ledger.entered.acquire)
        waiting = asyncio.create_task(publish(runtime, "waiting"))
        await asyncio.sleep(0)
        assert not runtime.stop(0)
        with pytest.raises(Stopped):
            await waiting
        ledger.gate.set()
        assert await writing == ["accepted"]
    assert ids(ledger) == ["writing"]


@pytest.mark.parametrize("cut_short", [False, True])
async def test_a_failed_store_fails_its_callers_and_nothing_is_counted_twice(
    running: Running, ledger: MemoryLedger, *, cut_short: bool
) -> None:
    with running() as runtime:
        ledger.failure, ledger.cut_short = StoreUnavailable("the store is away; retry"), cut_short
        for _ in range(3):
            with pytest.raises(StoreError, match="away"):
                await publish(runtime, "a", "b")
        assert runtime.stats().failed_groups == 3
        ledger.failure = None
        assert set(await publish(runtime, "a", "b", "c")) <= {"accepted", "duplicate"}
        assert not runtime.stats().unsettled
    assert ids(ledger) == ["a", "b", "c"]
    assert ledger.half_stored() == 0


async def test_a_block_left_half_stored_is_completed_when_the_runtime_stops(
    running: Running, ledger: MemoryLedger
) -> None:
    with running() as runtime:
        await publish(runtime, "priced")
        ledger.failure, ledger.cut_short = StoreFull("the disk is full"), True
        with pytest.raises(StoreFull):
            await publish(runtime, "a")
        assert runtime.stats().unsettled
        ledger.failure = None
        assert runtime.stop(30)
    assert ids(ledger) == ["a", "priced"]
    assert ledger.half_stored() == 0


async def test_a_block_the_process_left_half_stored_is_mended_at_start(running: Running, ledger: MemoryLedger) -> None:
    with running() as runtime:
        await publish(runtime, "priced")
        ledger.failure, ledger.cut_short = StoreUnavailable("away"), True
        with pytest.raises(StoreUnavailable):
            await publish(runtime, "a")
        runtime.stop(30)
    ledger.failure = None
    with running() as runtime:
        assert await publish(runtime, "a") == ["duplicate"]
    assert ids(ledger) == ["a", "priced"]


async def test_what_became_of_a_block_is_found_out_without_new_events(
    running: Running, ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_SETTLE_EVERY", 0.001)
    with running() as runtime:
        await publish(runtime, "priced")
        ledger.failure, ledger.cut_short = StoreUnavailable("away"), True
        with pytest.raises(StoreUnavailable):
            await publish(runtime, "a")
        ledger.failure = None
        assert await asyncio.to_thread(ledger.finished.acquire, timeout=30)
        assert ids(ledger) == ["a", "priced"]


async def test_a_store_that_fails_on_start_says_so(ledger: MemoryLedger) -> None:
    class Away(MemoryLedger):
        def recover(self, partition_prefix: str, /) -> list[str]:
            raise StoreUnavailable("away")

    with pytest.raises(StoreUnavailable):
        EmbeddedRuntime(ledger=Away(), clock=ManualClock(), rules=flat_rules, generation=1)


async def test_a_batch_the_store_refuses_for_what_it_holds_fails_alone(running: Running) -> None:
    class Picky(MemoryLedger):
        def insert_block(self, block, /, **more):  # type: ignore[no-untyped-def]
            if "bad" in block.entries["id"].to_pylist():
                raise QueryError("a value of 'bad' does not fit")
            return super().insert_block(block, **more)

    ledger = Picky()
    with running(ledger=ledger) as runtime:
        ledger.gate.clear()
        first = asyncio.create_task(publish(runtime, "first"))
        await asyncio.to_thread(ledger.entered.acquire)
        tasks = [asyncio.create_task(publish(runtime, name)) for name in ("a", "bad", "b")]
        await asyncio.sleep(0)
        ledger.gate.set()
        answers = await asyncio.gather(first, *tasks, return_exceptions=True)
        assert [isinstance(answer, NotCounted) for answer in answers] == [False, False, True, False]
        assert await publish(runtime, "c") == ["accepted"]
    assert ids(ledger) == ["a", "b", "c", "first"]


async def test_a_refusal_after_the_entries_were_stored_still_counts_them_once(running: Running) -> None:
    class Halfway(MemoryLedger):
        def insert_block(self, block, /, **more):  # type: ignore[no-untyped-def]
            if not block.entries.num_rows:
                return super().insert_block(block, **more)
            self.half[block.token] = block
            raise QueryError("a rollup does not fit")

    ledger = Halfway()
    with running(ledger=ledger) as runtime:
        assert await publish(runtime, "a") == ["accepted"]
        assert await publish(runtime, "a") == ["duplicate"]
    assert ids(ledger) == ["a"]


async def test_an_event_that_cannot_be_metered_is_refused_alone(running: Running, ledger: MemoryLedger) -> None:
    batch = decoded(
        [
            event(id="a"),
            event(id="bad", model=BROKEN_MODEL),
            event(id="bad", model=BROKEN_MODEL),
            event(id="b"),
            event(id="bad"),
        ]
    )
    with running() as runtime:
        outcomes = await runtime.publish("acme", batch)
        assert verdicts(outcomes) == ["accepted", "rejected", "rejected", "accepted", "accepted"]
        assert "internal_error" in (outcomes[1].reason or "")
        assert await publish(runtime, "c") == ["accepted"]
    assert ids(ledger) == ["a", "b", "bad", "c"]
    assert ledger.table("rejects")["id"].to_pylist() == ["bad", "bad"]
    receipts = ledger.table("receipts").to_pylist()
    assert [(row["received"], row["counted"], row["rejected"]) for row in receipts] == [(5, 3, 2), (1, 1, 0)]


async def test_when_every_event_fails_none_is_refused_for_good(running: Running, ledger: MemoryLedger) -> None:
    names = [f"e{n}" for n in range(MAX_ISOLATED + 1)]
    with running() as runtime:
        with pytest.raises(NotCounted, match="ZeroDivisionError"):
            await publish(runtime, *names, model=BROKEN_MODEL)
        assert await publish(runtime, "fine") == ["accepted"]
    assert ids(ledger) == ["fine"]
    assert ledger.table("rejects").num_rows == 0


async def test_rules_that_cannot_be_loaded_fail_the_callers_only(running: Running) -> None:
    faults: list[Exception] = [StoreUnavailable("the catalog is away"), KeyError("org")]

    def load(org: str) -> FlatRules:
        if faults:
            raise faults.pop(0)
        return flat_rules(org)

    with running(rules=load) as runtime:
        with pytest.raises(StoreUnavailable):
            await publish(runtime, "a")
        with pytest.raises(NotCounted, match="KeyError"):
            await publish(runtime, "a")
        assert await publish(runtime, "a") == ["accepted"]


async def test_new_rules_hold_from_the_next_block_on(running: Running, ledger: MemoryLedger) -> None:
    with running() as runtime:
        await publish(runtime, "a")
        runtime.set_rules({"acme": replace(flat_rules("acme"), version=2), "other": flat_rules("other")})
        await publish(runtime, "b")
    assert ledger.table("entries")["catalog_version"].to_pylist() == [1, 2]


async def test_orgs_share_a_block_and_keep_apart(running: Running, ledger: MemoryLedger) -> None:
    with running() as runtime:
        ledger.gate.clear()
        first = asyncio.create_task(publish(runtime, "a"))
        await asyncio.to_thread(ledger.entered.acquire)
        others = [asyncio.create_task(runtime.publish(org, decoded([event(id="a")], org=org))) for org in ("b", "c")]
        await asyncio.sleep(0)
        ledger.gate.set()
        assert await first == ["accepted"]
        assert [verdicts(outcomes) for outcomes in await asyncio.gather(*others)] == [["accepted"]] * 2
    assert sorted(ledger.table("entries")["org"].to_pylist()) == ["acme", "b", "c"]
    assert len(ledger.blocks) == 2


async def test_the_terms_of_a_price_are_kept_before_its_first_entry(running: Running, ledger: MemoryLedger) -> None:
    with running() as runtime:
        assert await publish(runtime, "free-of-terms", model="nova") == ["accepted"]
        assert ledger.prices == {}
        assert runtime.stats().unpriced == 1
        await publish(runtime, "a")
        assert set(ledger.prices) == {"p_flat"}


async def test_an_abandoned_request_is_not_counted_if_it_still_waits(running: Running, ledger: MemoryLedger) -> None:
    with running() as runtime:
        ledger.gate.clear()
        writing = asyncio.create_task(publish(runtime, "writing"))
        await asyncio.to_thread(ledger.entered.acquire)
        left = asyncio.create_task(publish(runtime, "left"))
        await asyncio.sleep(0)
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
        ledger.gate.set()
        assert await writing == ["accepted"]
        assert await publish(runtime, "next") == ["accepted"]
    assert ids(ledger) == ["next", "writing"]


async def test_batches_without_events_are_answered_at_once(running: Running, ledger: MemoryLedger) -> None:
    with running() as runtime:
        assert await runtime.publish("acme", decoded([])) == []
    assert ledger.blocks == {}


async def test_a_batch_of_refused_events_is_recorded(running: Running, ledger: MemoryLedger) -> None:
    with running() as runtime:
        (outcome,) = await runtime.publish("acme", decoded([event(wrong=1)]))
        assert outcome.verdict is Verdict.REJECTED
    assert ledger.table("receipts").to_pylist()[0]["rejected"] == 1
    assert ledger.table("rejects").num_rows == 1


async def test_many_threads_may_publish(running: Running, ledger: MemoryLedger) -> None:
    def send(runtime: EmbeddedRuntime, names: list[str]) -> None:
        asyncio.run(publish(runtime, *names))

    with running() as runtime:
        threads = [threading.Thread(target=send, args=(runtime, [f"{n}-{m}" for m in range(10)])) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            await asyncio.to_thread(thread.join)
        assert runtime.stats().counted == 80
    assert len(ids(ledger)) == 80


async def test_a_block_being_stored_is_not_unsettled(running: Running, ledger: MemoryLedger) -> None:
    with running() as runtime:
        ledger.gate.clear()
        answer = asyncio.create_task(publish(runtime, "a"))
        await asyncio.to_thread(ledger.entered.acquire)
        assert (runtime.stats().unsettled, runtime.alive) == (False, True)
        ledger.gate.set()
        assert await answer == ["accepted"]


async def test_blocks_before_and_after_a_change_of_rules_are_told_apart(running: Running, ledger: MemoryLedger) -> None:
    def between() -> list[str]:
        with runtime.between_blocks():
            return ids(ledger)

    with running() as runtime:
        ledger.gate.clear()
        first = asyncio.create_task(publish(runtime, "a"))
        await asyncio.to_thread(ledger.entered.acquire)
        runtime.set_rules({"acme": FlatRules(version=2)})
        seen = asyncio.create_task(asyncio.to_thread(between))
        ledger.gate.set()
        assert await first == ["accepted"]
        assert await seen == ["a"]
        assert await publish(runtime, "b") == ["accepted"]
    entries = ledger.table("entries")
    assert entries["id"].to_pylist() == ["a", "b"]
    assert entries["catalog_version"].to_pylist() == [1, 2]


async def test_between_blocks_nothing_is_left_open(running: Running, ledger: MemoryLedger) -> None:
    with running() as runtime:
        await publish(runtime, "a")
        ledger.failure, ledger.cut_short = StoreUnavailable("away"), True
        with pytest.raises(StoreUnavailable):
            await publish(runtime, "b")
        ledger.failure = None
        with runtime.between_blocks():
            assert (ids(ledger), ledger.half_stored()) == (["a", "b"], 0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_nobody_waits_for_a_writer_that_ended(running: Running, ledger: MemoryLedger) -> None:
    with running() as runtime:
        ledger.gate.clear()
        first = asyncio.create_task(publish(runtime, "a"))
        await asyncio.to_thread(ledger.entered.acquire)
        waiting = asyncio.create_task(publish(runtime, "b"))
        await asyncio.sleep(0)
        ledger.failure = SystemExit()  # type: ignore[assignment]
        ledger.gate.set()
        for answer in (first, waiting):
            with pytest.raises(Stopped):
                await answer
        assert runtime.stop(30)
        assert not runtime.alive
        with pytest.raises(Stopped):
            await publish(runtime, "c")
