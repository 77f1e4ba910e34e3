"""The meter on a real broker, beside consuming, decoding and pricing alone: same events, same cores, one run."""

from __future__ import annotations

import json
import multiprocessing
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import Consumer, Producer, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from outlay_api.demo.world import catalog_text
from outlay_infra.kafka.client import cluster_topics, consumer_config, producer_config
from outlay_infra.kafka.topic_admin import TopicAdmin
from outlay_infra.kafka.usage_records import UsageEncoder, keys
from outlay_infra.settings import KafkaSettings, LedgerSettings, Settings
from outlay_schemas.catalog import Catalog
from outlay_schemas.topics import ORG_HEADER, BlockHeader, Topics
from outlay_streams.catalog import CatalogSnapshot, build_rules, read_catalog
from outlay_streams.decode import Limits, decode
from outlay_streams.decode.avro import Writers, decode_avro
from outlay_streams.runtime.kafka_meter import run_meter
from outlay_streams.wire import encode_block
from tests.bench.report import Figure, Plan
from tests.bench.streams_growth import block_of, growth, memory
from tests.bench.streams_peers import rates
from tests.bench.traffic import events
from tests.support.kafka_broker.broker import Broker

ORG = "bench"
EVENTS = 300_000
TEMPLATE = 20_000
PARTITIONS = 4
BATCH = 10_000
ROUNDS = 3
IDS = 5_000_000
SHARE = 0.35
"""Of consuming, decoding and pricing alone, at least."""
TIMES = 4.0
"""As fast as the best of its peers, at least."""
_STAGES = "outlay_meter_stage_seconds_total"


class NoStore:
    """The demo company's catalog and no ids; for a meter."""

    def versions(self) -> dict[str, int]:
        """Tell of one catalog."""
        return {ORG: 1}

    def at_version(self, _org: str, _version: int, /) -> Catalog:
        """Return it."""
        return read_catalog(catalog_text().encode())

    def find_ids(self, _hashes: pa.Array, /) -> pa.Table:
        """Know no one; never asked, for no event is late."""
        raise AssertionError


def run(plan: Plan) -> Sequence[Figure]:
    """Return rates of the meter and of parts of it: the best of rounds that alternate between them."""
    with Broker.launched(plan.folder / "kafka", heap="512m", quick=False) as broker:
        template = usage(TEMPLATE)
        rounds = [_round(broker.bootstrap, number, template, plan.folder) for number in range(ROUNDS)]
        again = KafkaSettings(bootstrap=broker.bootstrap, prefix="again.", partitions=PARTITIONS)
        recovered = recovery(again, plan.folder / "again", template.slice(0, BATCH))
        topic = cluster_topics(KafkaSettings(prefix="bench0.")).usage.name
        peers = dict(rates(broker.bootstrap, topic, template, EVENTS))
    raw = max(found["raw"] for found in rounds)
    alone = max(found["alone"] for found in rounds)
    metered = max(rounds, key=lambda found: found["rate"])
    rate = metered["rate"]
    waits = ("gather", "decode", "meter", "commit", "cells")
    told = ", ".join(f"{name} {metered[name] * rate:.0%}" for name in waits)
    return [
        Figure(name="consume alone", value=raw, unit="events/s", note=f"{EVENTS:,} events, {PARTITIONS} partitions"),
        Figure(name="consume, decode, price alone", value=alone, unit="events/s", note=f"batches of {BATCH:,}"),
        Figure(name="meter", value=rate, unit="events/s", goal=SHARE * alone, at_least=True, note=told),
        Figure(name="meter, of consume, decode, price", value=rate / alone, unit="", goal=SHARE, at_least=True),
        Figure(name="meter, processor time", value=metered["cpu"] * 1e6, unit="us/event", note="all threads"),
        Figure(name="block", value=metered["block_bytes"], unit="bytes/event"),
        Figure(name="memory", value=metered["memory"] / 2**20, unit="MiB", note="resident, at the end"),
        Figure(name="start to metering", value=recovered["seconds"], unit="s", goal=20, note=f"{IDS:,} ids in the log"),
        Figure(name="of it, reading ids", value=recovered["rebuild"], unit="s"),
        Figure(name="memory with those ids", value=recovered["memory"] / 2**20, unit="MiB", note="resident"),
        Figure(name="memory of an id", value=recovered["id_bytes"], unit="bytes", goal=16),
        *_peers(peers, rate),
        *growth(template),
        *memory(),
    ]


def _peers(peers: Mapping[str, float], metered: float) -> Iterator[Figure]:
    for name, rate in peers.items():
        yield Figure(name=f"{name}: decode, price, add up", value=rate, unit="events/s", note="nothing written")
    best = max(peers.values())
    yield Figure(name="meter, of the best of them", value=metered / best, unit="", goal=TIMES, at_least=True)


def _round(bootstrap: str, number: int, template: pa.Table, folder: Path) -> dict[str, float]:
    kafka = KafkaSettings(bootstrap=bootstrap, prefix=f"bench{number}.", partitions=PARTITIONS)
    TopicAdmin(kafka).apply()
    topics = cluster_topics(kafka)
    produce(kafka, topics, template, EVENTS)
    raw = consumed(kafka, topics, EVENTS, priced=False)
    alone = consumed(kafka, topics, EVENTS, priced=True)
    return {"raw": raw, "alone": alone, **meter(kafka, folder / f"meter{number}", EVENTS)}


def usage(count: int) -> pa.Table:
    """Return events of the last hour as columns."""
    body = json.dumps(events(count)).encode()
    now = datetime.now(UTC)
    limits = Limits(body_bytes=2**30, events=count)
    return decode(body, content_type="application/json", org=ORG, now=now, limits=limits).usage


def produce(kafka: KafkaSettings, topics: Topics, template: pa.Table, count: int) -> None:
    """Write `count` events with ids of their own to `usage`."""
    producer = Producer(producer_config(kafka) | {"queue.buffering.max.messages": 1_000_000})
    encoder, headers = UsageEncoder(), [(ORG_HEADER, ORG.encode())]
    place = template.schema.get_field_index("id")
    for number in range(0, count, template.num_rows):
        some = template.slice(0, min(template.num_rows, count - number))
        ids = pc.binary_join_element_wise(some["id"], str(number), "-")
        some = some.set_column(place, some.schema.field(place), ids)
        for key, value in zip(keys(some), encoder.values(some), strict=True):
            producer.produce(topics.usage.name, value, key, headers=headers)
        producer.poll(0)
    if producer.flush(60):
        raise RuntimeError("the broker did not take the events")


def consumed(kafka: KafkaSettings, topics: Topics, count: int, *, priced: bool) -> float:
    """Return events a second, read by one consumer, decoded and priced when told so."""
    rules = build_rules(CatalogSnapshot(ORG, 1, read_catalog(catalog_text().encode())))
    writers = Writers()
    consumer = Consumer(consumer_config(kafka, "alone", fetch_queue_backoff_ms=5))
    consumer.assign([TopicPartition(topics.usage.name, partition, 0) for partition in range(PARTITIONS)])
    seen, began = 0, 0.0
    first = 0
    while seen < count:
        messages = consumer.consume(BATCH, 0.1)
        if not messages:
            continue
        if priced:
            values = [message.value() for message in messages]
            times = [message.timestamp()[1] for message in messages]
            rules.book.price(decode_avro(values, ORG, now=times, writers=writers).usage)
        seen += len(messages)
        if not began:
            began, first = time.perf_counter(), seen
    consumer.close()
    return (seen - first) / (time.perf_counter() - began)


def meter(kafka: KafkaSettings, state: Path, count: int) -> dict[str, float]:
    """Return what a meter did until it had `count` events: rate, processor time and memory."""
    settings = Settings(data=state, kafka=kafka, ledger=LedgerSettings(dedupe_ids=100_000_000))
    with _metering(settings) as url:
        seen, began, cpu, first = 0.0, 0.0, 0.0, 0.0
        while seen < count:
            now = scraped(url)
            seen = now.get("outlay_meter_events_total", 0.0)
            if seen and not first:
                first, began, cpu = seen, time.perf_counter(), now["process_cpu_seconds_total"]
                stages = {name: value for name, value in now.items() if name.startswith(_STAGES)}
            time.sleep(0.05)
        took = time.perf_counter() - began
        events_seen = seen - first
        spent = {name.removeprefix(f"{_STAGES}/"): (now[name] - value) / events_seen for name, value in stages.items()}
    return {
        **spent,
        "rate": events_seen / took,
        "cpu": (now["process_cpu_seconds_total"] - cpu) / events_seen,
        "memory": now["process_resident_memory_bytes"],
        "block_bytes": now["outlay_meter_block_bytes_total"] / seen,
        "ids": now["outlay_meter_dedupe_ids"],
    }


def recovery(kafka: KafkaSettings, state: Path, template: pa.Table) -> dict[str, float]:
    """Return how long a meter takes from its start to its first event, with `IDS` ids to be read back."""
    topics = cluster_topics(kafka)
    TopicAdmin(kafka).apply()
    _write_spend(kafka, topics, template)
    produce(kafka, topics, template.slice(0, 100), 100)
    began = time.perf_counter()
    with _metering(Settings(data=state, kafka=kafka)) as url:
        while not (now := scraped(url)).get("outlay_meter_events_total"):
            time.sleep(0.05)
        took = time.perf_counter() - began
    return {
        "seconds": took,
        "rebuild": now[f"{_STAGES}/rebuild"],
        "memory": now["process_resident_memory_bytes"],
        "id_bytes": now["outlay_meter_dedupe_bytes"] / now["outlay_meter_dedupe_ids"],
    }


def _write_spend(kafka: KafkaSettings, topics: Topics, template: pa.Table) -> None:
    """Write blocks as large as a meter's, with ids of their own, until there are `IDS`."""
    block = block_of(template, build_rules(CatalogSnapshot(ORG, 1, read_catalog(catalog_text().encode()))))
    producer = Producer(producer_config(kafka, compression_type="none"))
    random = np.random.default_rng(1)
    for number in range(IDS // template.num_rows):
        hashes = pa.array(random.integers(2**64, size=template.num_rows, dtype=np.uint64))
        ids = block.ids.set_column(0, block.ids.schema.field(0), hashes)
        value = encode_block(replace(block, ids=ids))
        headers = [(BlockHeader.PART.value, b"0")]
        producer.produce(topics.spend.name, value, partition=number % PARTITIONS, headers=headers)
        producer.poll(0)
    if producer.flush(60):
        raise RuntimeError("the broker did not take the blocks")


def scraped(url: str) -> dict[str, float]:
    """Return a meter's metrics by name, summed over labels; stages one by one."""
    with urlopen(f"{url}/metrics") as answer:
        text = answer.read().decode()
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            stage = sample.labels.get("stage")
            name = sample.name if stage is None else f"{sample.name}/{stage}"
            found[name] = found.get(name, 0.0) + sample.value
    return found


@contextmanager
def _metering(settings: Settings) -> Iterator[str]:
    """Run a meter in a process of its own and yield where its metrics are."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_meter_process, args=(settings, theirs))
    process.start()
    try:
        if not ours.poll(60):
            raise RuntimeError("the meter did not start")
        yield ours.recv()
    finally:
        process.terminate()
        process.join(60)
        process.kill()


def _meter_process(settings: Settings, told: Connection) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    run_meter(settings, stop, store=NoStore(), announce=told.send)
