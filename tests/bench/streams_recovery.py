"""How long a budgets worker that was killed takes until it is ready again, with 10,000 rows to read back."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import httpx
from confluent_kafka import Producer

from outlay_api.clusterwide.log_reader import read
from outlay_infra.catalog_store import CatalogStore
from outlay_infra.kafka import cluster_topics, producer_config
from outlay_infra.kafka.groups import Progress
from outlay_infra.settings import KafkaSettings
from outlay_schemas.budgets import Budget
from outlay_schemas.catalog import Catalog
from outlay_schemas.codec import encode_single_object
from outlay_schemas.topics import KEY_SEPARATOR, ORG_HEADER
from outlay_schemas.usage import UsageEvent
from tests.bench.report import Figure, Plan
from tests.support.clickhouse_process import ClickHouseProcess
from tests.support.cluster import Cluster, Role, eventually
from tests.support.kafka_broker.broker import Broker

ORG = "bench"
BUDGETS = 5_000
"""Each of a team of its own, whose windows are another row."""
PARTITIONS = 4
GOAL_SECONDS = 15.0


def run(plan: Plan) -> Sequence[Figure]:
    """Return the time from the start of the process until it is ready, and until the first state after that."""
    with (
        Broker.launched(plan.folder / "kafka", heap="512m", quick=False) as broker,
        ClickHouseProcess.launched(plan.folder / "store") as store,
    ):
        kafka = KafkaSettings(bootstrap=broker.bootstrap, prefix="recovery.", partitions=PARTITIONS)
        with Cluster(kafka, store.dsn, plan.folder) as cluster:
            return _measured(cluster)


def _measured(cluster: Cluster) -> Sequence[Figure]:
    _declare(cluster)
    _, budgets = cluster.start("meter-1", "budgets-1")
    _send(cluster.kafka, "first", BUDGETS)
    eventually(lambda: _spent(cluster.kafka) == BUDGETS)
    budgets.kill()
    began = time.perf_counter()
    budgets.launch().wait()
    eventually(lambda: _ready(budgets))
    ready = time.perf_counter() - began
    _send(cluster.kafka, "second", 1)
    eventually(lambda: _spent(cluster.kafka) == BUDGETS + 1)
    stated = time.perf_counter() - began
    note = f"{BUDGETS:,} budgets and {BUDGETS:,} teams"
    return [
        Figure(name="budgets worker, killed to ready", value=ready, unit="s", goal=GOAL_SECONDS, note=note),
        Figure(name="to the first state of a new event", value=stated, unit="s", goal=GOAL_SECONDS, note=note),
    ]


def _declare(cluster: Cluster) -> None:
    budgets = [Budget(id=f"b{n}", amount=Decimal(100), scope={"team": f"t{n}"}) for n in range(BUDGETS)]
    with cluster.warehouse() as warehouse:
        catalog = Catalog(budgets=tuple(budgets))
        CatalogStore(warehouse).apply(ORG, catalog, actor="bench", at=datetime.now(UTC))


def _send(kafka: KafkaSettings, name: str, count: int) -> None:
    producer = Producer(producer_config(kafka))
    now = datetime.now(UTC).isoformat()
    for number in range(count):
        fields = {"id": f"{name}-{number}", "time": now, "provider": "openai", "model": "gpt-5-mini"}
        event = UsageEvent.model_validate(fields | {"team": f"t{number}", "quantities": {"input_tokens": 1_000}})
        key = KEY_SEPARATOR.join((ORG, event.source, event.id)).encode()
        topic, headers = cluster_topics(kafka).usage.name, [(ORG_HEADER, ORG.encode())]
        producer.produce(topic, encode_single_object(event), key, headers=headers)
    producer.flush(60)


def _spent(kafka: KafkaSettings) -> int:
    """Return how many entries the newest states of all budgets count."""
    topic = cluster_topics(kafka).budget_state.name
    starts, ends = Progress(kafka).bounds(topic, kafka.partitions)
    newest: dict[bytes, int] = {}
    for record in read(kafka, topic, {partition: (starts[partition], end) for partition, end in ends.items()}):
        if b"budget:" in record.key():
            periods = json.loads(record.value())["periods"]
            newest[record.key()] = sum(period["entries"] for period in periods)
    return sum(newest.values())


def _ready(role: Role) -> bool:
    try:
        return httpx.get(f"{role.url}/readyz", timeout=10).status_code == 200
    except httpx.TransportError:
        return False
