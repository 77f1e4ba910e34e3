"""kill -9 of two meters at any moment: every event counted once, every total exact, every record accounted for."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

from outlay_infra.settings import KafkaSettings
from outlay_schemas.topics import BlockHeader
from tests.faults.meter_process import USD
from tests.support.kafka_broker.broker import Broker
from tests.support.meter_topics import ORG, MeterTopics, encoded, entries, now, outcomes, summed

KILLS = 8
ROUND = 600
"""Events sent between two kills."""
PARTITIONS = 4
LONGEST = 0.3
"""The longest a process lives after the block it is killed behind, in seconds."""
POISON = b"\xff\xffnot an event"
START = (now() - timedelta(hours=1)).replace(microsecond=0)
PROCESS = Path(__file__).with_name("meter_process.py")

Fields = dict[str, Any]


class Traffic:
    """Events in the order sent, with repeats, conflicts and poison among them, and what has to become of them."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.first: dict[str, Fields] = {}
        self.expected: Counter[str] = Counter()

    def send(self, topics: MeterTopics, count: int) -> None:
        for _ in range(count):
            kind = (
                self._dice.choices(["new", "repeat", "conflict", "poison"], [94, 4, 1, 1])[0] if self.first else "new"
            )
            key, value = self._next(kind)
            topics.queue(value, key=key, partition=None)
        topics.send()

    def _next(self, kind: str) -> tuple[bytes, bytes]:
        if kind == "poison":
            self.expected["rejected"] += 1
            return self._dice.randbytes(4), POISON
        if kind == "new":
            fields = self._fresh(len(self.first))
            self.first[fields["id"]] = fields
            self.expected["counted"] += 1
        else:
            fields = self.first[self._dice.choice(list(self.first)[-3000:])]
            if kind == "conflict":
                fields = fields | {"app": "another"}
            self.expected["duplicate" if kind == "repeat" else "conflict"] += 1
        return "\x1f".join((ORG, "api", fields["id"])).encode(), encoded(fields)

    def _fresh(self, number: int) -> Fields:
        return {
            "id": f"e{number}",
            "time": (START + number * timedelta(milliseconds=self._dice.randrange(10))).isoformat(),
            "provider": "flat",
            "model": "flat",
            "team": self._dice.choice(["search", "ads", "ops"]),
            "quantities": {"input_tokens": self._dice.randrange(5000), "images": self._dice.randrange(3)},
        }

    def by_team(self) -> dict[str, Decimal]:
        """Return what each team spent, one event at a time."""
        spent: dict[str, Decimal] = {}
        for fields in self.first.values():
            amount = sum((fields["quantities"][unit] * Decimal(usd) for unit, usd in USD.items()), Decimal())
            spent[fields["team"]] = spent.get(fields["team"], Decimal()) + amount
        return spent


class Meters:
    """Meter processes by name, killed and started again."""

    def __init__(self, topics: MeterTopics, log: Path) -> None:
        self._topics = topics
        self._log = log
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        settings = self._topics.settings(meter={"instance": name, "batch_events": 150, "gather_ms": 40})
        document = settings.model_dump_json(exclude={"store"}, exclude_none=True)
        with self._log.open("ab") as log:
            self._running[name] = subprocess.Popen([sys.executable, str(PROCESS), document], stdout=log, stderr=log)

    def kill(self, name: str) -> None:
        process = self._running.pop(name)
        assert process.poll() is None, f"{name} ended by itself"
        process.kill()
        process.wait()

    def stop(self) -> None:
        """End them in good order."""
        for process in self._running.values():
            process.terminate()
        assert [process.wait(60) for process in self._running.values()] == [0] * len(self._running)
        self._running.clear()

    @contextmanager
    def contained(self) -> Iterator[Meters]:
        """Leave no process behind; show their log when the test fails."""
        try:
            yield self
        except BaseException:
            print(self._log.read_text()[-8000:])
            raise
        finally:
            for process in self._running.values():
                process.kill()
                process.wait()


@pytest.fixture
def topics(kafka: str, topic_prefix: str, tmp_path: Path) -> MeterTopics:
    return MeterTopics(KafkaSettings(bootstrap=kafka, prefix=topic_prefix, partitions=PARTITIONS), tmp_path)


@pytest.mark.fault
def test_meters_killed_at_random_moments_count_every_event_once(topics: MeterTopics, tmp_path: Path) -> None:
    dice = random.Random(20261124)
    traffic = Traffic(dice)
    with Meters(topics, tmp_path / "meters.log").contained() as meters:
        for name in ("m-0", "m-1"):
            meters.start(name)
        for _ in range(KILLS):
            before = topics.written(topics.topics.spend)
            traffic.send(topics, ROUND)
            topics.await_that(lambda before=before: topics.written(topics.topics.spend) > before)
            topics.pause(dice.uniform(0, LONGEST))
            victim = dice.choice(["m-0", "m-1"])
            meters.kill(victim)
            meters.start(victim)
        traffic.send(topics, ROUND)
        blocks = topics.blocks(events=(KILLS + 1) * ROUND)
        meters.stop()
    assert outcomes(blocks) == traffic.expected
    counted = entries(blocks)
    names = counted["id"].to_pylist()
    assert len(names) == len(set(names))
    assert set(names) == set(traffic.first)
    spent = counted.group_by("team").aggregate([("amount", "sum")]).to_pylist()
    assert {row["team"]: row["amount_sum"] for row in spent} == traffic.by_team()
    assert summed(topics.cells()) == {"entries": len(names), "amount": pc.sum(counted["amount"]).as_py()}
    assert gaps(topics) == []
    refused = [dict(one.headers()) for one in topics.read(topics.topics.usage_rejected)]
    places = [(told["partition"], told["offset"]) for told in refused]
    assert len(places) == len(set(places)) == traffic.expected["conflict"] + traffic.expected["rejected"]


@pytest.mark.fault
def test_a_meter_outlives_a_kill_of_its_broker(launch_broker: Callable[[], Broker], tmp_path: Path) -> None:
    broker = launch_broker()
    topics = MeterTopics(KafkaSettings(bootstrap=broker.bootstrap, prefix="k.", partitions=PARTITIONS), tmp_path)
    traffic = Traffic(random.Random(7))
    with topics.metering(settings=topics.settings(meter={"batch_events": 100})):
        for number in range(1, 4):
            traffic.send(topics, 500)
            if number == 2:
                broker.kill()
                broker.start()
            blocks = topics.blocks(events=number * 500)
    assert outcomes(blocks) == traffic.expected
    assert sorted(entries(blocks)["id"].to_pylist()) == sorted(traffic.first)
    assert summed(topics.cells())["entries"] == len(traffic.first)
    assert gaps(topics) == []


def gaps(topics: MeterTopics) -> list[str]:
    """Return where the blocks of a partition do not cover its records once, without gap or overlap."""
    found = []
    at = [0] * PARTITIONS
    for record in topics.read(topics.topics.spend):
        covered = json.loads(dict(record.headers())[BlockHeader.INPUT])
        if covered["from"] != at[record.partition()]:
            found.append(f"{record.partition()}: {covered} follows {at[record.partition()]}")
        at[record.partition()] = covered["to"]
    return found
