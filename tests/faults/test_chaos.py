"""A whole cluster under attack: whatever dies and whenever, every accepted event counts once, and every total is exact.

The seed is printed; `OUTLAY_CHAOS_SEED=N` runs the same faults over the same traffic again, and `OUTLAY_CHAOS=long`
makes a run of more kills and of an outage of a minute.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition

from outlay_api.clusterwide.pending import PendingEvents
from outlay_infra.catalog_store import CatalogStore
from outlay_infra.kafka import cluster_topics, consumer_config
from outlay_infra.settings import KafkaSettings
from outlay_infra.warehouse import Warehouse
from outlay_schemas.catalog import Catalog
from outlay_schemas.usage import UsageEvent
from tests.support.chaos import ledger
from tests.support.chaos.account import Account, cells_by_team, refused_places
from tests.support.chaos.budgets import BUDGETS, differences
from tests.support.chaos.fleet import Fleet
from tests.support.chaos.plan import Fault, What, drawn
from tests.support.chaos.sender import Sender
from tests.support.chaos.traffic import CATALOG, HOME, ORGS, Traffic
from tests.support.clickhouse_process import ClickHouseProcess
from tests.support.cluster import Cluster, eventually
from tests.support.kafka_broker.broker import Broker

pytestmark = [pytest.mark.fault, pytest.mark.timeout(1_800)]

PATIENCE = 240.0
WORKERS = ("meter-1", "meter-2", "loader-1", "budgets-1", "budgets-2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much happens in a run."""

    kills: int
    outage_seconds: float
    parcels: int
    """Parcels sent between two faults."""
    remembered: int
    """Ids that meters keep in memory; what is older goes through the late lane."""


SHORT = Size(kills=8, outage_seconds=10, parcels=12, remembered=4_000)
LONG = Size(kills=26, outage_seconds=60, parcels=60, remembered=20_000)


class Run:
    """One run: services, processes, traffic and faults."""

    def __init__(self, cluster: Cluster, broker: Broker, store: ClickHouseProcess, *, seed: int, size: Size) -> None:
        self.cluster = cluster
        self._broker = broker
        self._store = store
        self._size = size
        self._away_until = 0.0
        self._metered = 0
        self._asking = Consumer(consumer_config(cluster.kafka, "meter"))
        self._dice = random.Random(seed)
        self.plan = drawn(seed, (*WORKERS, "api"), kills=size.kills, joining="meter-3")
        self.fleet = Fleet(cluster)
        self.traffic = Traffic(seed, datetime.now(UTC).replace(microsecond=0))

    def go(self) -> None:
        """Send, break, and wait until all is quiet."""
        for name in ("api", *WORKERS):
            self.fleet.start(name)
        with Sender(self.traffic, self.cluster.kafka, lambda: self.fleet.url("api")) as sender:
            for fault in self.plan:
                sender.allow(self._size.parcels)
                self._await_progress()
                awaited = "api" if fault.what is What.AWAY else fault.who if fault.settled else ""
                if awaited and fault.what is not What.JOIN:
                    self.await_that(lambda name=awaited: self.fleet.works(name))  # type: ignore[misc]
                time.sleep(fault.after)
                print(f"{time.monotonic():.1f} {sender.sent} parcels: {fault}")
                self._strike(fault)
            sender.allow(self._size.parcels)
            self.await_that(sender.done)
            print(f"{sender.sent} parcels, {sender.repeated} of them sent again")

    def _strike(self, fault: Fault) -> None:
        match fault.what:
            case What.KILL:
                self.fleet.kill(fault.who, fault.clock)
            case What.JOIN:
                self.fleet.start(fault.who)
            case What.LEAVE:
                assert self.fleet.stop(fault.who) == 0
            case What.BROKER:
                self._broker.kill()
                self._broker.start()
            case What.AWAY:
                self._dice.choice([self._store.stop, self._store.kill])()
                self._away_until = time.monotonic() + self._size.outage_seconds
            case What.BACK:
                time.sleep(max(0.0, self._away_until - time.monotonic()))
                self._store.start()

    def await_that(self, holds: Callable[[], bool]) -> None:
        def held() -> bool:
            self.fleet.revive()
            return holds()

        eventually(held, patience=PATIENCE)

    def _await_progress(self) -> None:
        """Return once meters went on since the last fault, whoever is away."""
        before = self._metered
        self.await_that(lambda: self._taken() > before)
        self._metered = self._taken()

    def _taken(self) -> int:
        """Return how many records the meters have taken; 0 while the broker that came back knows no better."""
        usage = cluster_topics(self.cluster.kafka).usage
        places = [TopicPartition(usage.name, partition) for partition in range(usage.partitions)]
        try:
            found = self._asking.committed(places, 10)
        except KafkaException:
            return 0
        return sum(place.offset for place in found if place.error is None and place.offset > 0)

    def await_quiet(self, warehouse: Warehouse) -> Account:
        """Return the account of all that was sent, once the store tells of so many events and none waits."""
        account = Account.of(self.cluster.kafka)
        everything = sum(account.outcomes.values())
        pending = PendingEvents(self.cluster.settings(), warehouse)
        self.await_that(lambda: ledger.received(warehouse) == everything and not pending.everywhere().total())
        self.await_that(lambda: not differences(self.cluster.kafka, account))
        return account


@pytest.fixture
def run(launch_broker: Callable[[], Broker], tmp_path: Path) -> Iterator[Run]:
    size = LONG if os.environ.get("OUTLAY_CHAOS") == "long" else SHORT
    seed = int(os.environ.get("OUTLAY_CHAOS_SEED", "20261125"))
    print(f"seed {seed}, {size}")
    broker = launch_broker()
    settings = KafkaSettings(bootstrap=broker.bootstrap, prefix="chaos.", partitions=4)
    more = {"OUTLAY_LOADER__SESSION_SECONDS": "1.5", "OUTLAY_LEDGER__DEDUPE_IDS": str(size.remembered)}
    with (
        ClickHouseProcess.launched(tmp_path / "store") as store,
        Cluster(settings, store.dsn, tmp_path, more=more) as cluster,
        told_when_it_fails(cluster),
    ):
        with cluster.warehouse() as warehouse:
            for org in ORGS:
                catalog = Catalog.model_validate({**CATALOG, "budgets": BUDGETS})
                CatalogStore(warehouse).apply(org, catalog, actor="test", at=datetime.now(UTC))
        yield Run(cluster, broker, store, seed=seed, size=size)


@contextmanager
def told_when_it_fails(cluster: Cluster) -> Iterator[None]:
    try:
        yield
    finally:
        for role in cluster.roles:
            print(f"--- {role.name}\n{role.last_words()}")


def test_whatever_dies_every_event_counts_once_and_every_total_is_exact(run: Run) -> None:
    run.go()
    with run.cluster.warehouse() as warehouse:
        account = run.await_quiet(warehouse)

        assert account.first == {name: UsageEvent(**fields) for name, fields in run.traffic.first.items()}
        assert ledger.entries(warehouse) == sorted(account.entries().items())
        assert ledger.outcomes(warehouse) == account.outcomes
        assert ledger.rollup(warehouse, "cells") == account.by_team()
        assert ledger.rollup(warehouse, "days") == account.by_team()
        assert cells_by_team(run.cluster.kafka) == account.by_team()
        assert ledger.refused(warehouse) == account.refused()
        assert_refused_once(run.cluster.kafka, account)
    run.await_that(lambda: run.fleet.works("api"))
    api = run.fleet.url("api")
    assert api is not None
    spent = {team: amount for (org, team), (_, amount) in account.by_team().items() if org == HOME}
    assert ledger.spend_by_team(api) == spent
    totals = ledger.conservation(api)
    assert (totals["balance"], totals["pending"], totals["counted"]) == (0, 0, account.outcomes[HOME, "counted"])
    checked = run.cluster.outlay("check", "--format", "json")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    print("\n".join(run.fleet.falls) or "nobody ended by itself")
    assert set(run.fleet.stop_all().values()) == {0}


def assert_refused_once(kafka: KafkaSettings, account: Account) -> None:
    """Every refused event is on `usage.rejected` once, from where it was read first or from the late lane."""
    places = refused_places(kafka)
    assert len(places) == len(set(places)) == len(account.refused_places)
    late = cluster_topics(kafka).usage_late.name
    assert {place for place in places if place[0] != late} <= account.refused_places
