"""What a meter knows of a partition it takes over: the ids of its committed blocks, and which of them came last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from confluent_kafka import Producer

from outlay_infra.kafka.client import consumer_config, producer_config
from outlay_schemas.topics import BlockHeader
from outlay_streams.dedupe import ALWAYS
from outlay_streams.runtime.kafka_meter.memory import Horizon, Memory
from outlay_streams.runtime.kafka_meter.rebuilding import Rebuilder
from outlay_streams.runtime.kafka_meter.spend_log import SpendLog
from outlay_streams.wire import encode_block
from tests.builders import block, entries
from tests.support.events import ManualClock
from tests.support.meter_topics import MeterTopics, now

HOUR = timedelta(hours=1)
NOW = now()


@pytest.fixture
def log(meter_topics: MeterTopics) -> Iterator[SpendLog]:
    log = SpendLog(consumer_config(meter_topics.kafka, "test"), meter_topics.topics.spend.name)
    yield log
    log.close()


@pytest.fixture
def rebuilder(log: SpendLog) -> Callable[..., Rebuilder]:
    return lambda *, time=24 * HOUR, ids=10_000: Rebuilder(log, Horizon(time=time, ids=ids), ManualClock(NOW))


class Writer:
    """Writes blocks as meters do: several of a partition in one transaction, or each in its own."""

    def __init__(self, topics: MeterTopics) -> None:
        self._topic = topics.topics.spend.name
        self._producer = Producer(producer_config(topics.kafka, transactional_id=f"{topics.kafka.prefix}w"))
        self._producer.init_transactions(30)

    def begin(self, *blocks: tuple[datetime, list[str]]) -> None:
        """Write blocks of ids, received when told, and leave the transaction open."""
        self._producer.begin_transaction()
        for part, (received, names) in enumerate(blocks):
            rows = entries(*[{"id": name} for name in names], received=received) if names else None
            value = encode_block(block(rows, received=received))
            headers = [(BlockHeader.PART.value, str(part).encode())]
            stamp = int(received.timestamp() * 1000)
            self._producer.produce(self._topic, value, partition=0, headers=headers, timestamp=stamp)
        self._producer.flush(30)

    def commit(self) -> None:
        self._producer.commit_transaction(30)

    def write(self, *blocks: tuple[datetime, list[str]]) -> None:
        self.begin(*blocks)
        self.commit()

    def abort(self, *blocks: tuple[datetime, list[str]]) -> None:
        self.begin(*blocks)
        self._producer.abort_transaction(30)


@pytest.fixture
def writer(meter_topics: MeterTopics) -> Writer:
    return Writer(meter_topics)


def offsets(messages: list[object]) -> list[int]:
    return [message.offset() for message in messages]


def rebuilt(rebuilder: Rebuilder) -> tuple[Memory, list[int]]:
    memory, last = rebuilder.rebuilt(0, rebuilder.log.bounds([0])[0])
    return memory, offsets(last)


def test_an_empty_log_is_known_wholly(rebuilder: Callable[..., Rebuilder]) -> None:
    memory, last = rebuilt(rebuilder())
    assert (len(memory.deduper), memory.deduper.covered_since, memory.known_from(), last) == (0, ALWAYS, 0, [])


def test_committed_ids_are_remembered_and_the_last_transaction_returned_whole(
    rebuilder: Callable[..., Rebuilder], writer: Writer
) -> None:
    writer.write((NOW - HOUR, ["a", "b"]))
    writer.abort((NOW - HOUR, ["gone"]))
    writer.write((NOW, ["c"]), (NOW, []), (NOW, ["d"]))
    memory, last = rebuilt(rebuilder())
    assert len(memory.deduper) == 4
    assert (memory.deduper.covered_since, memory.known_from()) == (ALWAYS, 0)
    assert memory.last_received == NOW.replace(microsecond=NOW.microsecond // 1000 * 1000)
    assert last == [4, 5, 6]


def test_what_the_count_leaves_out_is_not_claimed(rebuilder: Callable[..., Rebuilder], writer: Writer) -> None:
    for number in range(300):
        writer.write((NOW - HOUR + number * timedelta(seconds=1), [f"e{number}", f"f{number}"]))
    memory, _ = rebuilt(rebuilder(ids=100))
    assert len(memory.deduper) <= 100
    assert memory.deduper.covered_since > NOW - HOUR + timedelta(seconds=200)
    assert 2 * 240 <= memory.known_from() <= 2 * 299


def test_a_loader_can_pass_all_that_memory_does_not_claim(rebuilder: Callable[..., Rebuilder], writer: Writer) -> None:
    """Behind the last block stands the end of its transaction, which no reader is given."""
    for number in range(40):
        writer.write((NOW - HOUR + number * timedelta(seconds=1), [f"e{number}"]))
    memory, last = rebuilt(rebuilder(ids=10))
    assert memory.deduper.covered_since > NOW - HOUR
    assert memory.known_from() == last[-1] + 1 == memory.next_block - 1


def test_what_is_older_than_the_horizon_is_not_claimed(rebuilder: Callable[..., Rebuilder], writer: Writer) -> None:
    for hours in (60, 50, 10, 5):
        writer.write((NOW - hours * HOUR, [f"e{hours}"]))
    memory, last = rebuilt(rebuilder(time=24 * HOUR))
    assert 2 <= len(memory.deduper) <= 3, "transaction markers carry the time of their commit"
    assert memory.deduper.covered_since > NOW - 50 * HOUR
    assert memory.known_from() >= 4
    assert last == [6]


def test_after_a_silence_longer_than_the_horizon_the_last_transaction_is_still_returned(
    rebuilder: Callable[..., Rebuilder], writer: Writer
) -> None:
    """Its cells may be unsent; the clock, which may be wrong, has no say in what is remembered."""
    writer.write((NOW - 70 * HOUR, ["a"]))
    writer.write((NOW - 60 * HOUR, ["b"]), (NOW - 60 * HOUR, ["c"]))
    memory, last = rebuilt(rebuilder(time=24 * HOUR))
    assert len(memory.deduper) == 3
    assert memory.deduper.covered_since == ALWAYS
    assert last == [2, 3]


def test_the_last_transaction_is_found_behind_many_that_did_not_take_place(
    rebuilder: Callable[..., Rebuilder], writer: Writer
) -> None:
    writer.write((NOW - HOUR, ["a"]))
    for number in range(140):
        writer.abort((NOW, [f"gone{number}"]))
    memory, last = rebuilt(rebuilder())
    assert len(memory.deduper) == 1
    assert last == [0]


def test_a_kept_memory_takes_in_what_others_committed(rebuilder: Callable[..., Rebuilder], writer: Writer) -> None:
    one = rebuilder()
    writer.write((NOW - HOUR, ["a"]))
    memory, _ = rebuilt(one)
    assert one.caught_up(memory, 0, one.log.bounds([0])[0]) == []
    writer.write((NOW, ["b", "c"]))
    writer.write((NOW, ["d"]), (NOW, ["e"]))
    assert offsets(one.caught_up(memory, 0, one.log.bounds([0])[0])) == [4, 5]
    assert len(memory.deduper) == 5
    assert memory.next_block == 7


def test_an_open_transaction_is_waited_for(rebuilder: Callable[..., Rebuilder], writer: Writer) -> None:
    writer.write((NOW, ["a"]))
    writer.begin((NOW, ["b"]))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(rebuilt, rebuilder())
        with pytest.raises(TimeoutError):
            waiting.result(0.5)
        writer.commit()
        memory, last = waiting.result(60)
    assert len(memory.deduper) == 2
    assert last == [2]
