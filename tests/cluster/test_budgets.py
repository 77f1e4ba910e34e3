"""A budgets worker on real Kafka: totals, restarts, new budgets, windows, by the time of the records alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from outlay_infra.settings import KafkaSettings
from outlay_infra.warehouse import Warehouse
from tests.support.budget_topics import NOON, BudgetTopics, eventually


@pytest.fixture
def topics(
    kafka_settings: KafkaSettings, open_warehouse: Callable[..., Warehouse], engine_dsn: str, tmp_path: Path
) -> BudgetTopics:
    database = open_warehouse().database
    return BudgetTopics(kafka_settings, engine_dsn, tmp_path, database=database)


def some(rng: random.Random, count: int) -> list[dict[str, Any]]:
    """Entries around noon, some late by days, some without a known amount."""
    return [
        {
            "team": rng.choice(["red", "green", "blue"]),
            "model": rng.choice(["gpt-5", "gpt-5-mini"]),
            "time": NOON - rng.choice([timedelta(0), timedelta(hours=9), timedelta(days=3)]),
            **rng.choice([{"amount": f"0.{rng.randrange(10**12):012}"}, {"amount": None, "status": "unpriced"}]),
        }
        for _ in range(count)
    ]


@pytest.mark.parametrize("store", ["memory", "rocksdb"])
def test_totals_are_those_of_the_entries_and_stay_so_over_restarts_and_repeats(
    topics: BudgetTopics, store: str
) -> None:
    rng = random.Random(5)
    topics.declare()
    settings = topics.settings(store=store)
    with topics.following() as states:
        for _ in range(2):
            with topics.working(settings):
                for _ in range(6):
                    block = topics.write(rng.randrange(2), *some(rng, 20), at=NOON)
                    topics.cells(block, at=NOON)
                eventually(lambda: topics.settled(states))
