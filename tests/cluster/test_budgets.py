"""A budgets worker on real Kafka: totals through restarts, rebalances, repeats and gaps, by the records' time alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from outlay_api.clusterwide.budget_check import budget_differences
from outlay_api.clusterwide.budget_states import BudgetStates
from outlay_infra.kafka import client_config, consumer_config
from outlay_infra.kafka.groups import Progress
from outlay_infra.settings import KafkaSettings
from outlay_infra.warehouse import Warehouse
from outlay_infra.warehouse.check import Difference
from tests.support.budget_topics import BUDGETS, NOON, ORG, BudgetTopics, eventually


@pytest.fixture
def topics(
    kafka_settings: KafkaSettings, open_warehouse: Callable[..., Warehouse], engine_dsn: str, tmp_path: Path
) -> BudgetTopics:
    return BudgetTopics(kafka_settings, engine_dsn, tmp_path, database=open_warehouse().database)


@pytest.fixture
def states(topics: BudgetTopics) -> Iterator[BudgetStates]:
    with topics.following() as states:
        yield states


def some(rng: random.Random, count: int = 20) -> list[dict[str, Any]]:
    """Entries around noon, some late by days, some without a known amount."""
    return [
        {
            "org": rng.choice([ORG, "other"]),
            "team": rng.choice(["red", "green", "blue"]),
            "model": rng.choice(["gpt-5", "gpt-5-mini"]),
            "time": NOON - rng.choice([timedelta(0), timedelta(hours=9), timedelta(days=3)]),
            **rng.choice([{"amount": f"0.{rng.randrange(10**12):012}"}, {"amount": None, "status": "unpriced"}]),
        }
        for _ in range(count)
    ]


@pytest.mark.parametrize("store", ["memory", "rocksdb"])
def test_totals_are_those_of_the_entries_through_restarts_rebalances_and_repeats(
    topics: BudgetTopics, states: BudgetStates, store: str
) -> None:
    rng = random.Random(5)
    topics.declare()
    topics.declare(org="other")
    first, second = (topics.settings(store=store, folder=name) for name in ("first", "second"))

    def write_some() -> None:
        for _ in range(5):
            block = topics.write(rng.randrange(2), *some(rng), at=NOON)
            topics.cells(block, at=NOON)

    def settled() -> bool:
        return topics.settled(states) and topics.settled(states, "other")

    with topics.working(first):
        write_some()
        eventually(settled)
    with topics.working(first) as one, topics.working(second) as other:
        write_some()
        eventually(lambda: partitions(one.url) == partitions(other.url) == 1)
        write_some()
        eventually(settled)
        one.stop.set()
        write_some()
        eventually(lambda: partitions(other.url) == 2)
        eventually(settled)


def test_a_new_budget_begins_with_what_was_before_once_the_store_has_it(
    topics: BudgetTopics, states: BudgetStates
) -> None:
    rng = random.Random(6)
    topics.declare(BUDGETS[:1])
    with topics.working() as worker:
        for _ in range(5):
            topics.write(rng.randrange(2), *some(rng), at=NOON)
        eventually(lambda: topics.settled(states))

        topics.declare(BUDGETS)
        eventually(lambda: sum(state.starting for state in states.states(ORG)) == 2)
        topics.write(1, *some(rng), at=NOON)
        assert httpx.get(f"{worker.url}/readyz").status_code == 200
        topics.store()
        eventually(lambda: topics.settled(states))

        topics.declare(BUDGETS[1:])
        topics.write(0, *some(rng), at=NOON)
        eventually(lambda: topics.settled(states))
    topics.store()
    assert differences(topics, states) == []

    wrong = states.states(ORG)[0]
    wrong = wrong.model_copy(update={"periods": wrong.periods[:-1]})
    topics.publish(wrong)
    eventually(lambda: states.states(ORG)[0] == wrong)
    assert {(found.key["budget"], found.measure) for found in differences(topics, states)} == {
        ("red", "amount"),
        ("red", "entries"),
        ("red", "unpriced"),
    }


def test_windows_are_of_the_records_time_and_no_clock_counts(topics: BudgetTopics, states: BudgetStates) -> None:
    topics.declare(BUDGETS[:1])
    for minutes in (0, 0, 1, 119, 121):
        topics.write(0, {"team": "red", "amount": "1.5"}, at=NOON + timedelta(minutes=minutes))
    with topics.working():
        eventually(lambda: topics.settled(states) and bool(states.windows(ORG)))
    (windows,) = states.windows(ORG)
    assert [(spent.start - NOON, spent.amount) for spent in windows.minutes] == [
        (timedelta(minutes=119), Decimal("1.5")),
        (timedelta(minutes=121), Decimal("1.5")),
    ]
    assert [(spent.start - NOON, spent.amount) for spent in windows.hours] == [
        (timedelta(0), Decimal("4.5")),
        (timedelta(hours=1), Decimal("1.5")),
        (timedelta(hours=2), Decimal("1.5")),
    ]


def test_cells_that_were_passed_over_are_read_and_those_that_are_gone_come_from_the_store(
    topics: BudgetTopics, states: BudgetStates
) -> None:
    rng = random.Random(7)
    topics.declare()
    for _ in range(6):
        topics.write(rng.randrange(2), *some(rng), at=NOON)
    place = where(topics)
    pass_over(topics, TopicPartition(place.topic, place.partition, 4))
    with topics.working():
        topics.write(0, *some(rng), at=NOON)
        eventually(lambda: topics.settled(states))
        eventually(lambda: committed(topics, place) == topics.written(place))

    topics.write(1, *some(rng), at=NOON)
    topics.store()
    end = topics.written(place)
    forget(topics, TopicPartition(place.topic, place.partition, end))
    with topics.working():
        eventually(lambda: topics.settled(states))
        topics.write(0, *some(rng), at=NOON)
        eventually(lambda: topics.settled(states))


def differences(topics: BudgetTopics, states: BudgetStates) -> list[Difference]:
    with topics.warehouse() as warehouse:
        return list(budget_differences(states, warehouse, rows_topic=topics.topics.budget_rows.name))


def partitions(url: str) -> int:
    found = [line for line in httpx.get(f"{url}/metrics").text.splitlines() if line.startswith("outlay_budgets_part")]
    return int(float(found[0].split()[1]))


def where(topics: BudgetTopics) -> TopicPartition:
    """Return the partition that has the organisation's cells."""
    places = [TopicPartition(topics.topics.spend_cells.name, partition) for partition in range(2)]
    return max(places, key=topics.written)


def committed(topics: BudgetTopics, place: TopicPartition) -> int:
    """Return where the group would go on."""
    return Progress(topics.kafka).committed("budgets", place.topic, 2).get(place.partition, 0)


def pass_over(topics: BudgetTopics, place: TopicPartition) -> None:
    """Have the group go on at `place`."""
    consumer = Consumer(consumer_config(topics.kafka, "budgets"))
    consumer.commit(offsets=[place], asynchronous=False)
    consumer.close()


def forget(topics: BudgetTopics, place: TopicPartition) -> None:
    """Have the brokers delete what is before `place`, as retention does."""
    admin = AdminClient(client_config(topics.kafka))
    for deleted in admin.delete_records([place]).values():
        deleted.result(30)
