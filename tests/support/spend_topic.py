"""Blocks on the `spend` topic as meters leave them: each committed by a transaction, some transactions aborted."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from confluent_kafka import Producer

from outlay_infra.kafka import cluster_topics, producer_config
from outlay_infra.kafka.rejects import rejected
from outlay_infra.kafka.topic_admin import TopicAdmin
from outlay_infra.settings import KafkaSettings, MonitorSettings, Settings
from outlay_infra.warehouse import Warehouse
from outlay_schemas.block import Block
from outlay_streams.wire import encode_block
from tests import builders

PATIENCE = 120.0


class SpendTopic:
    """The topics of one deployment, what was written to them, and what the store should hold."""

    def __init__(self, kafka: KafkaSettings, data: Path, dsn: str) -> None:
        self.kafka = kafka
        self.dsn = dsn
        self.data = data
        self.topic = cluster_topics(kafka).spend
        TopicAdmin(kafka).apply()
        self._producer = Producer(producer_config(kafka, transactional_id=f"{kafka.prefix}test"))
        self._producer.init_transactions(30)
        self._numbers = itertools.count(1)
        self.entries = 0
        self.amount = Decimal(0)
        self.refused = 0
        self.blocks = 0

    def settings(self, **parts: Any) -> Settings:
        loader = {"session_seconds": 6.0, **parts.pop("loader", {})}
        return Settings(
            data=self.data, store=self.dsn, kafka=self.kafka, loader=loader, monitor=MonitorSettings(), **parts
        )

    def write(self, partition: int, *, rows: int = 3, commit: bool = True, value: bytes | None = None) -> None:
        """Write one block of so many entries, some of the month before, with a refused event and a repeat."""
        block = self.block(rows)
        self._producer.begin_transaction()
        self._producer.produce(self.topic.name, value or encode_block(block), partition=partition)
        if not commit:
            self._producer.abort_transaction(30)
            return
        self._producer.commit_transaction(30)
        if value is None:
            self.blocks += 1
            self.entries += rows
            self.amount += Decimal("0.25") * rows
            self.refused += 1

    def refuse(self, name: str, *, origin: tuple[str, int, int] | None) -> None:
        """Write a refused event, read from `origin`, or sent over HTTP."""
        told = {"org": "acme", "source": "api", "id": name, "outcome": "rejected"}
        record = rejected(
            told | {"pointer": "/time", "reason": "time is required"}, value=b"{}", time=builders.NOON, origin=origin
        )
        topic = cluster_topics(self.kafka).usage_rejected.name
        self._producer.begin_transaction()
        self._producer.produce(topic, record.value, record.key, headers=record.headers)
        self._producer.commit_transaction(30)

    def block(self, rows: int) -> Block:
        number = next(self._numbers)
        entries = builders.entries(
            *(
                {
                    "id": f"e{number}-{place}",
                    "amount": "0.25",
                    "team": f"team-{place % 3}",
                    "tags": {"tier": "gold"} if place % 2 else {},
                    "time": builders.NOON - timedelta(days=40 * (place % 2)),
                    "latency_ms": 100,
                    "user": f"u{place % 5}",
                }
                for place in range(rows)
            )
        )
        return builders.block(entries, offset=0, rejects=[{"id": f"r{number}"}], duplicates=1)

    def assert_whole(self, warehouse: Warehouse) -> None:
        """The store holds exactly what was written, and every sum agrees with it."""
        assert held(warehouse) == self.expected
        assert warehouse.check() == []

    @property
    def expected(self) -> dict[str, Any]:
        return {"entries": self.entries, "amount": self.amount if self.entries else None, "refused": self.refused}


_HELD = """
SELECT toInt64(count()) AS entries, sum(amount) AS amount, (SELECT toInt64(count()) FROM rejects) AS refused FROM ledger
"""


def held(warehouse: Warehouse) -> dict[str, Any]:
    (row,) = warehouse.query(_HELD).to_pylist()
    return dict(row)


def eventually(holds: Callable[[], bool], *, patience: float = PATIENCE) -> None:
    """Return once `holds` does."""
    deadline = monotonic() + patience
    while not holds():
        assert monotonic() < deadline, "what the test waits for did not come about"
        sleep(0.05)
