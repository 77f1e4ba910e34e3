"""Duplicates and conflicts are told from bounded memory; what memory cannot know is looked up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay_schemas.arrow import IDS
from outlay_streams.dedupe import ALWAYS, Deduper
from outlay_streams.identity import Identities
from outlay_streams.verdicts import CONFLICT, DUPLICATE, NEW

START = datetime(2026, 5, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def identities(*pairs: tuple[int, int]) -> Identities:
    return Identities(
        np.array([name for name, _ in pairs], np.uint64), np.array([content for _, content in pairs], np.uint32)
    )


def table(rows: list[tuple[int, int, datetime]]) -> pa.Table:
    columns = dict(zip(("id_hash", "content_hash", "received"), zip(*rows, strict=True), strict=True))
    return pa.table({name: pa.array(column, IDS.field(name).type) for name, column in columns.items()})


def times(*instants: datetime) -> np.ndarray:
    return np.array([instant.replace(tzinfo=None) for instant in instants], "datetime64[ms]")


def deduper(most: int = 1000, horizon: timedelta = 30 * DAY) -> Deduper:
    return Deduper(horizon=horizon, most=most)


def test_new_until_remembered_then_duplicate_or_conflict() -> None:
    memory = deduper()
    batch = identities((1, 10), (2, 20))
    assert memory.judge(batch).tolist() == [NEW, NEW]
    assert memory.judge(batch).tolist() == [NEW, NEW]
    memory.remember(batch, START)
    assert memory.judge(identities((2, 20), (1, 11), (3, 30))).tolist() == [DUPLICATE, CONFLICT, NEW]


def test_within_a_batch_the_first_counts() -> None:
    assert deduper().judge(identities((1, 10), (1, 10), (1, 11), (2, 1))).tolist() == [NEW, DUPLICATE, CONFLICT, NEW]


def test_repeats_of_a_known_id_are_held_against_what_was_counted() -> None:
    memory = deduper()
    memory.remember(identities((1, 10)), START)
    assert memory.judge(identities((1, 11), (1, 10), (1, 11))).tolist() == [CONFLICT, DUPLICATE, CONFLICT]


def test_what_the_store_knows_counts_as_known() -> None:
    looked_up = table([(5, 50, START), (4, 40, START)]).drop_columns("received")
    assert deduper().judge(identities((4, 40), (5, 51), (6, 60)), looked_up).tolist() == [DUPLICATE, CONFLICT, NEW]
    assert deduper().judge(identities((4, 40)), looked_up.slice(0, 0)).tolist() == [NEW]


def test_an_empty_batch_is_judged_and_remembered() -> None:
    memory = deduper()
    memory.remember(identities(), START)
    assert memory.judge(identities()).tolist() == []
    assert len(memory) == 0


def test_past_the_count_the_oldest_leave_and_the_mark_moves() -> None:
    memory = deduper(most=80)
    for second in range(20):
        memory.remember(identities(*((second * 10 + n, 0) for n in range(10))), START + second * SECOND)
    assert 60 <= len(memory) <= 80
    known = memory.judge(identities(*((n, 0) for n in range(200)))) == DUPLICATE
    first = int(np.argmax(known))
    assert known[first:].all()
    assert memory.covered_since == START + (first // 10 - 1) * SECOND + timedelta(milliseconds=1)


def test_past_the_horizon_ids_leave() -> None:
    memory = deduper(horizon=DAY)
    memory.remember(identities((1, 0)), START)
    memory.remember(identities(*((n, 0) for n in range(2, 9))), START + DAY)
    assert memory.covered_since == ALWAYS
    memory.remember(identities(), START + DAY + SECOND)
    assert memory.covered_since == START + timedelta(milliseconds=1)
    assert memory.judge(identities((1, 0), (2, 0))).tolist() == [NEW, DUPLICATE]


def test_only_events_that_may_be_older_than_memory_need_a_lookup() -> None:
    memory = deduper()
    assert not memory.needs_lookup(times(datetime(1970, 1, 2, tzinfo=UTC))).any()
    memory.covered_since = START
    edge = START + timedelta(minutes=10)
    assert memory.needs_lookup(times(edge - timedelta(milliseconds=1), edge)).tolist() == [True, False]


def test_a_memory_rebuilt_from_the_whole_ledger_knows_everything() -> None:
    rows = [(n, n, START + n * SECOND) for n in range(50)]
    memory = Deduper.rebuilt([table(rows[25:]), table(rows[:25])], now=START, horizon=DAY, most=100)
    assert (len(memory), memory.covered_since) == (50, ALWAYS)
    assert set(memory.judge(identities(*((n, n) for n in range(50)))).tolist()) == {DUPLICATE}


def test_a_memory_rebuilt_from_a_part_knows_where_it_begins() -> None:
    rows = [(n, n, START + n * SECOND) for n in range(50)]
    memory = Deduper.rebuilt([table(rows[10:])], now=START, horizon=DAY, most=40)
    assert memory.covered_since == rows[10][2] + timedelta(milliseconds=1)
    late = Deduper.rebuilt([table(rows)], now=START + 2 * DAY, horizon=DAY, most=100)
    assert (len(late), late.covered_since) == (0, rows[-1][2] + timedelta(milliseconds=1))
    assert Deduper.rebuilt([], now=START, horizon=DAY, most=1).covered_since == ALWAYS


def test_an_id_of_the_horizon_takes_at_most_16_bytes() -> None:
    most = 2_000_000
    memory = deduper(most=most)
    random = np.random.default_rng(7)
    for second in range(230):
        ids = random.integers(0, 2**64, 10_000, np.uint64, endpoint=False)
        memory.remember(Identities(ids, ids.astype(np.uint32)), START + second * SECOND)
    assert most * 7 // 8 <= len(memory) <= most
    assert memory.nbytes <= 12 * len(memory)
    assert len(memory._runs) < 40
    assert memory.judge(Identities(ids, ids.astype(np.uint32))).tolist() == [DUPLICATE] * len(ids)


def test_many_single_events_make_few_runs() -> None:
    memory = deduper(most=5000)
    for n in range(3000):
        memory.remember(identities((n, n)), START)
    assert len(memory._runs) < 20
    assert set(memory.judge(identities(*((n, n) for n in range(3000)))).tolist()) == {DUPLICATE}


@settings(deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), max_size=12), max_size=8))
def test_judging_agrees_with_a_dictionary(batches: list[list[tuple[int, int]]]) -> None:
    memory, counted = deduper(), dict[int, int]()
    for batch in batches:
        expected = []
        for name, content in batch:
            verdict = NEW if name not in counted else DUPLICATE if counted[name] == content else CONFLICT
            counted.setdefault(name, content)
            expected.append(verdict)
        judged = memory.judge(identities(*batch))
        assert judged.tolist() == expected
        fresh = np.flatnonzero(judged == NEW)
        every = identities(*batch)
        memory.remember(Identities(every.id_hash[fresh], every.content_hash[fresh]), START)
