"""Batches delivered whole, bounded in flight, through failures of the brokers and of the client itself."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from confluent_kafka import KafkaError, KafkaException

from outlay_infra.kafka import BrokerError, BrokerUnavailable, TopicError, producer_config
from outlay_infra.kafka.delivery import BatchProducer, Bounds, InFlightFull, ProducerStopped, Record
from outlay_infra.kafka.topic_admin import TopicAdmin
from outlay_infra.settings import KafkaSettings
from tests.support.kafka_broker.broker import tool
from tests.support.kafka_broker.reading import read_all

RECORD = Record(b"key", b"value", [("org", b"acme")])
CONFIG = {"bootstrap.servers": "broker:9092"}
NOW_MS = 1_778_000_000_250
Callback = Callable[[KafkaError | None, object], None]


class ScriptedClient:
    """Stands for the library's producer: acknowledges when told to, fails when told to."""

    made: list[ScriptedClient]

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.waiting: list[Callback] = []
        self.acknowledging = True
        self.produce_error: Exception | None = None
        self.delivery_error: KafkaError | None = None
        self._lock = threading.Lock()

    def produce(self, topic: str, value: bytes, key: bytes, *, on_delivery: Callback, **_more: object) -> None:
        if self.produce_error is not None:
            raise self.produce_error
        with self._lock:
            self.waiting.append(on_delivery)

    def poll(self, seconds: float) -> None:
        self._serve(lambda: self.acknowledging or self.delivery_error is not None)

    def purge(self) -> None:
        self.delivery_error = KafkaError(KafkaError._PURGE_QUEUE)

    def flush(self, seconds: float) -> None:
        self._serve(lambda: True)

    def _serve(self, due: Callable[[], bool]) -> None:
        """Answer for what waits, by what was told before it was produced."""
        with self._lock:
            if not due():
                return
            waiting, self.waiting = self.waiting, []
            error = self.delivery_error
        for callback in waiting:
            callback(error, None)

    def __len__(self) -> int:
        return len(self.waiting)


@pytest.fixture
def clients() -> list[ScriptedClient]:
    return []


@pytest.fixture
def scripted(clients: list[ScriptedClient]) -> Iterator[Callable[..., BatchProducer]]:
    producers = []

    def make(**bounds: int) -> BatchProducer:
        def client(config: dict[str, Any]) -> ScriptedClient:
            clients.append(ScriptedClient(config))
            return clients[-1]

        producers.append(BatchProducer(CONFIG, bounds=Bounds(**bounds) if bounds else None, client=client))  # type: ignore[arg-type]
        return producers[-1]

    with structlog.testing.capture_logs():
        yield make
        for producer in producers:
            producer.stop(0)


def fatal() -> KafkaError:
    return KafkaError(KafkaError._FATAL, "sequence lost", fatal=True)


def test_a_promise_is_kept_when_every_record_is_acknowledged(
    scripted: Callable[..., BatchProducer], clients: list[ScriptedClient]
) -> None:
    producer = scripted()
    clients[0].acknowledging = False
    promise = producer.send([("usage", [RECORD] * 3), ("rejected", [RECORD])], timestamp=NOW_MS)
    assert not producer.flush(0)
    assert producer.stats().in_flight_records == 4
    assert producer.stats().in_flight_bytes == 4 * len(b"keyvalue")

    clients[0].acknowledging = True

    assert promise.result(30) is None
    stats = producer.stats()
    assert (stats.in_flight_batches, stats.in_flight_bytes, stats.delivered_records) == (0, 0, 4)


def test_one_record_that_failed_fails_its_batch_and_no_other(
    scripted: Callable[..., BatchProducer], clients: list[ScriptedClient]
) -> None:
    producer = scripted()
    clients[0].acknowledging = False
    lost = producer.send([("usage", [RECORD, RECORD])], timestamp=NOW_MS)
    clients[0].waiting.pop()(KafkaError(KafkaError._MSG_TIMED_OUT), None)
    kept = producer.send([("usage", [RECORD])], timestamp=NOW_MS)
    clients[0].acknowledging = True

    with pytest.raises(BrokerUnavailable, match="broker:9092"):
        lost.result(30)
    assert kept.result(30) is None
    assert (producer.stats().failed_records, producer.stats().failed_batches) == (2, 1)


def test_a_batch_of_nothing_is_delivered(scripted: Callable[..., BatchProducer]) -> None:
    assert scripted().send([], timestamp=NOW_MS).result(0) is None


@pytest.mark.parametrize("bounds", [{"records": 3}, {"nbytes": 3 * len(b"keyvalue")}])
def test_what_waits_is_bounded_and_a_batch_of_any_size_is_taken_when_nothing_does(
    bounds: dict[str, int], scripted: Callable[..., BatchProducer], clients: list[ScriptedClient]
) -> None:
    producer = scripted(**bounds)
    clients[0].acknowledging = False
    large = producer.send([("usage", [RECORD] * 9)], timestamp=NOW_MS)
    with pytest.raises(InFlightFull) as full:
        producer.send([("usage", [RECORD])], timestamp=NOW_MS)
    assert 1 <= full.value.retry_after <= 30

    clients[0].acknowledging = True
    large.result(30)
    assert producer.flush(30)
    producer.send([("usage", [RECORD] * 3)], timestamp=NOW_MS).result(30)


def test_a_producer_that_failed_for_good_is_replaced(
    scripted: Callable[..., BatchProducer], clients: list[ScriptedClient]
) -> None:
    producer = scripted()
    clients[0].acknowledging = False
    first = producer.send([("usage", [RECORD])], timestamp=NOW_MS)
    clients[0].produce_error = KafkaException(fatal())
    second = producer.send([("usage", [RECORD])], timestamp=NOW_MS)

    for promise in (first, second):
        with pytest.raises(BrokerUnavailable, match=r"sequence lost.*send the same batch again"):
            promise.result(30)
    while len(clients) < 2 or not producer.stats().replaced_producers:
        producer.flush(1)
    producer.send([("usage", [RECORD])], timestamp=NOW_MS).result(30)
    assert producer.stats().replaced_producers == 1


def test_a_batch_cut_short_by_the_client_waits_for_what_was_sent_and_fails(
    scripted: Callable[..., BatchProducer], clients: list[ScriptedClient]
) -> None:
    producer = scripted()
    clients[0].acknowledging = False
    clients[0].produce_error = BufferError()
    promise = producer.send([("usage", [RECORD])], timestamp=NOW_MS)
    with pytest.raises(BrokerUnavailable):
        promise.result(0)
    assert producer.stats().in_flight_records == 0


def test_the_last_trouble_with_the_brokers_explains_a_timeout(
    scripted: Callable[..., BatchProducer], clients: list[ScriptedClient]
) -> None:
    producer = scripted()
    clients[0].config["error_cb"](KafkaError(KafkaError._AUTHENTICATION, "bad password"))
    clients[0].delivery_error = KafkaError(KafkaError._MSG_TIMED_OUT)
    with pytest.raises(BrokerUnavailable, match="before it: bad password"):
        producer.send([("usage", [RECORD])], timestamp=NOW_MS).result(30)


def test_a_caller_that_left_is_no_trouble(
    scripted: Callable[..., BatchProducer], clients: list[ScriptedClient]
) -> None:
    producer = scripted()
    clients[0].acknowledging = False
    assert producer.send([("usage", [RECORD])], timestamp=NOW_MS).cancel()
    clients[0].acknowledging = True
    assert producer.flush(30)
    producer.send([("usage", [RECORD])], timestamp=NOW_MS).result(30)


def test_what_is_left_at_the_end_of_a_stop_is_failed(
    scripted: Callable[..., BatchProducer], clients: list[ScriptedClient]
) -> None:
    producer = scripted()
    clients[0].acknowledging = False
    promise = producer.send([("usage", [RECORD])], timestamp=NOW_MS)
    assert not producer.stop(0)
    with pytest.raises(BrokerError):
        promise.result(0)
    with pytest.raises(ProducerStopped):
        producer.send([("usage", [RECORD])], timestamp=NOW_MS)


def test_records_reach_their_topics_with_time_key_and_headers(kafka_settings: KafkaSettings) -> None:
    TopicAdmin(kafka_settings).apply()
    usage, rejected = (kafka_settings.prefix + name for name in ("usage", "usage.rejected"))
    producer = BatchProducer(producer_config(kafka_settings))
    repeats = [Record(b"same key", str(n).encode(), [("org", b"acme")]) for n in range(20)]
    promise = producer.send([(usage, repeats), (rejected, [RECORD])], timestamp=NOW_MS)
    assert producer.stop(30)
    promise.result(0)

    found = read_all(kafka_settings, usage)
    assert [message.value() for message in found] == [record.value for record in repeats]
    assert len({message.partition() for message in found}) == 1
    assert found[0].key() == b"same key"
    assert found[0].headers() == [("org", b"acme")]
    assert found[0].timestamp()[1] == NOW_MS
    assert [message.value() for message in read_all(kafka_settings, rejected)] == [b"value"]


def test_keys_are_placed_as_the_stock_console_producer_places_them(kafka_settings: KafkaSettings) -> None:
    settings = kafka_settings.model_copy(update={"partitions": 12})
    TopicAdmin(settings).apply()
    ours, theirs = settings.prefix + "usage", settings.prefix + "usage.late"
    keys = [f"acme\x1fapi\x1fe{n}" for n in range(60)]
    producer = BatchProducer(producer_config(settings))
    producer.send([(ours, [Record(key.encode(), b"") for key in keys])], timestamp=NOW_MS)
    assert producer.stop(30)
    lines = "".join(f"org:acme\t{key}\t{{}}\n" for key in keys)
    properties = ("parse.key=true", "parse.headers=true")
    options = [word for one in properties for word in ("--property", one)]
    console = "org.apache.kafka.tools.ConsoleProducer"
    tool(console, "--bootstrap-server", settings.bootstrap, "--topic", theirs, *options, stdin=lines.encode())

    placed = read_all(settings, theirs)
    assert {message.key(): message.partition() for message in read_all(settings, ours)} == {
        message.key(): message.partition() for message in placed
    }
    assert placed[0].headers() == [("org", b"acme")]


def test_a_topic_that_is_missing_is_named(kafka_settings: KafkaSettings) -> None:
    config = producer_config(kafka_settings, topic_metadata_propagation_max_ms=100)
    producer = BatchProducer(config)
    promise = producer.send([(f"{kafka_settings.prefix}absent", [RECORD])], timestamp=NOW_MS)
    with pytest.raises(TopicError):
        promise.result(60)
    producer.stop(0)


def test_brokers_that_are_away_fail_the_batch_in_time() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        settings = KafkaSettings(bootstrap=f"127.0.0.1:{unused.getsockname()[1]}", delivery_seconds=1)
        producer = BatchProducer(producer_config(settings))
        promise = producer.send([("usage", [RECORD])], timestamp=NOW_MS)
        with pytest.raises(BrokerUnavailable, match=r"before it: .*refused"):
            promise.result(60)
        producer.stop(0)
