"""How long an event takes at a steady rate: from the broker's log until metered, in ClickHouse, in a budget's state.

Every event counts, none is a probe: a record of `usage` says when it was produced, the header of a block which records
it covers, the store, asked again and again, from when on it holds the block, and the marks of the states on
`budget.state` which blocks they include.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from confluent_kafka import Producer

from outlay_api.clusterwide.log_reader import read
from outlay_api.demo.world import catalog_text
from outlay_infra.catalog_store import CatalogStore
from outlay_infra.kafka import cluster_topics, producer_config
from outlay_infra.kafka.groups import Progress
from outlay_infra.kafka.usage_records import UsageEncoder, keys
from outlay_infra.settings import KafkaSettings
from outlay_infra.warehouse import Warehouse
from outlay_schemas.budgets import Budget, record_key, row_key
from outlay_schemas.calendar import Cadence
from outlay_schemas.topics import ORG_HEADER, BlockHeader
from outlay_streams.catalog import read_catalog
from tests.bench.report import Figure, Plan
from tests.bench.streams import ORG, PARTITIONS, TEMPLATE, usage
from tests.support.clickhouse_process import ClickHouseProcess
from tests.support.cluster import Cluster, eventually
from tests.support.kafka_broker.broker import Broker

RATE = 10_000
SECONDS = 30
WARM_SECONDS = 10
"""Not counted."""
VISIBLE_SECONDS = 2.0
STATE_SECONDS = 1.0
EVERYTHING = Budget(id="everything", amount=Decimal(1_000_000), cadence=Cadence.MONTH)
_TICK = 0.01
_LOOK = 0.05
_STORED = "SELECT `partition`, toInt64(max(block)) AS block FROM receipts GROUP BY `partition`"

Times = npt.NDArray[np.float64]
Seen = dict[int, list[tuple[float, int]]]
"""By partition: moments, and the newest block that was seen at each."""


@dataclass(frozen=True, slots=True)
class Driven:
    """What the load generator did: `late` is how far it fell behind its schedule at worst, in seconds."""

    sent: int
    seconds: float
    late: float
    processor: float


def run(plan: Plan) -> Sequence[Figure]:
    """Return percentiles of latencies at `RATE` events a second."""
    with (
        Broker.launched(plan.folder / "kafka", heap="512m", quick=False) as broker,
        ClickHouseProcess.launched(plan.folder / "store") as store,
    ):
        kafka = KafkaSettings(bootstrap=broker.bootstrap, prefix="latency.", partitions=PARTITIONS)
        with Cluster(kafka, store.dsn, plan.folder, more={"OUTLAY_LOG__LEVEL": "warning"}) as cluster:
            return list(_measured(cluster))


def _measured(cluster: Cluster) -> Iterator[Figure]:
    with cluster.warehouse() as warehouse:
        catalog = read_catalog(catalog_text().encode()).model_copy(update={"budgets": (EVERYTHING,)})
        CatalogStore(warehouse).apply(ORG, catalog, actor="bench", at=datetime.now(UTC))
        cluster.start("meter-1", "loader-1", "budgets-1")
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
            driving = alone.submit(drive, cluster.kafka)
            seen = _watched(warehouse, driving)
        driven = driving.result()
        eventually(lambda: _all_stored(cluster.kafka, seen, warehouse))
        _look(warehouse, seen)
        eventually(lambda: _all_in(cluster.kafka))
    load = os.getloadavg()[0]
    note = f"{driven.sent:,} events in {driven.seconds:.1f} s, load {load:.1f}"
    yield Figure(name="rate", value=driven.sent / driven.seconds, unit="events/s", goal=RATE, at_least=True, note=note)
    share = f"{driven.processor / driven.seconds:.0%} of a core"
    yield Figure(name="driver behind its schedule, at worst", value=driven.late * 1e3, unit="ms", note=share)
    goals = {"metered": None, "seen in ClickHouse": VISIBLE_SECONDS, "in budget.state": STATE_SECONDS}
    for name, found in _latencies(cluster.kafka, seen).items():
        for percent in (50, 99):
            value = float(np.percentile(found, percent))
            goal = goals[name] if percent == 99 else None
            yield Figure(name=f"accepted to {name}, p{percent}", value=value, unit="s", goal=goal)


def drive(kafka: KafkaSettings) -> Driven:
    """Send `RATE` events a second for `SECONDS`, prepared beforehand, a hundredth of a second's at a time."""
    producer = Producer(producer_config(kafka, linger_ms=2))
    topic, headers = cluster_topics(kafka).usage.name, [(ORG_HEADER, ORG.encode())]
    prepared = list(_prepared(RATE * SECONDS))
    at_once = int(RATE * _TICK)
    late, began, processor = 0.0, time.perf_counter(), time.process_time()
    for number in range(0, len(prepared), at_once):
        due = began + number / RATE
        while (wait := due - time.perf_counter()) > 0:
            time.sleep(wait)
        late = max(late, -wait)
        for key, value in prepared[number : number + at_once]:
            producer.produce(topic, value, key, headers=headers)
        producer.poll(0)
    if producer.flush(60):
        raise RuntimeError("the broker did not take the events")
    return Driven(len(prepared), time.perf_counter() - began, late, time.process_time() - processor)


def _prepared(count: int) -> Iterator[tuple[bytes, bytes]]:
    template, encoder = usage(TEMPLATE), UsageEncoder()
    place = template.schema.get_field_index("id")
    for number in range(0, count, template.num_rows):
        some = template.slice(0, min(template.num_rows, count - number))
        ids = pa.array([f"{number}-{row}" for row in range(some.num_rows)])
        some = some.set_column(place, some.schema.field(place), ids)
        yield from zip(keys(some), encoder.values(some), strict=True)


def _watched(warehouse: Warehouse, driving: Future[Driven]) -> Seen:
    """Ask the store which blocks it holds until the load ends."""
    seen: Seen = defaultdict(list)
    while not driving.done():
        _look(warehouse, seen)
        time.sleep(_LOOK)
    return seen


def _look(warehouse: Warehouse, seen: Seen) -> None:
    rows = warehouse.query(_STORED).to_pylist()
    now = time.time()
    for row in rows:
        name, partition = row["partition"].split("/")
        if name == "spend":
            seen[int(partition)].append((now, row["block"]))


def _all_stored(kafka: KafkaSettings, seen: Seen, warehouse: Warehouse) -> bool:
    _look(warehouse, seen)
    topics, progress = cluster_topics(kafka), Progress(kafka)
    # Behind the last block of a partition stands the end of its transaction, which is no record to pass.
    for group, topic, behind in (("meter", topics.usage, 0), ("loader", topics.spend, 1)):
        ends = progress.bounds(topic.name, topic.partitions)[1]
        committed = progress.committed(group, topic.name, topic.partitions)
        if any(end and committed.get(partition, 0) < end - behind for partition, end in ends.items()):
            return False
    return True


def _all_in(kafka: KafkaSettings) -> bool:
    """Return whether the budget's newest state includes every block."""
    newest = {partition: marked[-1][1] for partition, marked in _states(kafka).items()}
    ends = Progress(kafka).bounds(cluster_topics(kafka).spend.name, kafka.partitions)[1]
    return all(newest.get(partition, -1) >= end - 2 for partition, end in ends.items() if end)


def _latencies(kafka: KafkaSettings, seen: Seen) -> Mapping[str, Times]:
    """Return what each event after the warm-up took until it was somewhere, in seconds."""
    usage_topic, spend = cluster_topics(kafka).usage, cluster_topics(kafka).spend
    produced = {partition: np.array(times) for partition, times in _stamps(kafka, usage_topic.name).items()}
    start = min(times[0] for times in produced.values()) + WARM_SECONDS
    stated = _states(kafka)
    found: dict[str, list[Times]] = defaultdict(list)
    for record in read(kafka, spend.name, _whole(kafka, spend.name)):
        covered = json.loads(dict(record.headers() or ())[BlockHeader.INPUT.value])
        times = produced[record.partition()][covered["from"] : covered["to"]]
        times = times[times >= start]
        found["metered"].append(record.timestamp()[1] / 1e3 - times)
        found["seen in ClickHouse"].append(_first(seen[record.partition()], record.offset()) - times)
        found["in budget.state"].append(_first(stated[record.partition()], record.offset()) - times)
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _states(kafka: KafkaSettings) -> Seen:
    """Return when states of the budget were written, and the newest block of each partition that they include."""
    topic = cluster_topics(kafka).budget_state.name
    mine = record_key(ORG, row_key(budget=EVERYTHING.id))
    found: Seen = defaultdict(list)
    for record in read(kafka, topic, _whole(kafka, topic)):
        if record.key() == mine:
            for source, block in json.loads(record.value())["marks"].items():
                found[int(source.split("/")[1])].append((record.timestamp()[1] / 1e3, int(block)))
    return found


def _first(moments: Sequence[tuple[float, int]], block: int) -> float:
    return next(moment for moment, newest in moments if newest >= block)


def _stamps(kafka: KafkaSettings, topic: str) -> Mapping[int, list[float]]:
    found: dict[int, list[float]] = defaultdict(list)
    for record in read(kafka, topic, _whole(kafka, topic)):
        found[record.partition()].append(record.timestamp()[1] / 1e3)
    return found


def _whole(kafka: KafkaSettings, topic: str) -> dict[int, tuple[int, int]]:
    starts, ends = Progress(kafka).bounds(topic, kafka.partitions)
    return {partition: (starts[partition], end) for partition, end in ends.items()}
