"""Batches of records, delivered whole: one promise a batch, kept once the brokers acknowledged every record.

One thread hears the brokers' acknowledgements. A producer that failed for good is replaced, so that a fault of the
brokers never ends the process.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer

from outlay_infra.kafka.client import Config
from outlay_infra.kafka.errors import BrokerError, BrokerUnavailable, named

Header = tuple[str, bytes]

_LONGEST_RETRY = 30.0
_POLL_SECONDS = 0.1
_PURGE_SECONDS = 5.0
_MOST_BUFFERED_KIB = 2**21 - 1
# librdkafka's own errors begin with an underscore.
_FATAL = KafkaError._FATAL  # noqa: SLF001
_GIVEN_UP = KafkaError._PURGE_QUEUE  # noqa: SLF001
_FULL = KafkaError._QUEUE_FULL  # noqa: SLF001
_UNEXPLAINED = frozenset({_GIVEN_UP, _FULL, KafkaError._PURGE_INFLIGHT})  # noqa: SLF001

_log = structlog.get_logger("outlay.kafka")


@dataclass(frozen=True, slots=True)
class Record:
    """One record; its key chooses the partition."""

    key: bytes
    value: bytes
    headers: list[Header] = field(default_factory=list)

    @property
    def nbytes(self) -> int:
        """How much of the bound on bytes in flight it takes."""
        return len(self.key) + len(self.value)


class InFlightFull(BrokerError):  # noqa: N818 - back pressure is not an error
    """Too much waits for the brokers' acknowledgement; send the batch again after `retry_after` seconds."""

    def __init__(self, retry_after: float) -> None:
        """Say how long to wait, in seconds."""
        super().__init__(f"too many records wait for the brokers; retry after {retry_after:g} s")
        self.retry_after = retry_after


class ProducerStopped(BrokerError):  # noqa: N818 - reads as what happened
    """The producer takes nothing more; send the batch again once the process is back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What may wait for an acknowledgement. A batch of any size is taken while nothing waits."""

    records: int = 100_000
    nbytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryStats:
    """Counts since the start, and what waits now."""

    in_flight_batches: int = 0
    in_flight_records: int = 0
    in_flight_bytes: int = 0
    queued_records: int = 0
    """Records and requests the client library still holds."""
    delivered_records: int = 0
    failed_records: int = 0
    """Records of batches that failed; some of them may have been written all the same."""
    failed_batches: int = 0
    replaced_producers: int = 0
    last_seconds: float = 0.0
    """How long the brokers took to acknowledge the batch that ended last."""


@dataclass(slots=True, eq=False)
class _Batch:
    """A batch on its way. The sender sets `target`, the hearing thread counts up to it: whoever is last ends it."""

    records: int
    nbytes: int
    end: Callable[[_Batch], None]
    target: int
    heard: int = 0
    error: KafkaError | None = None
    begun: float = field(default_factory=monotonic)
    ended: bool = False
    promise: Future[None] = field(default_factory=Future)

    def acknowledge(self, error: KafkaError | None, _message: object) -> None:
        """Hear of one record; called by the client library."""
        if error is not None:
            self.error = self.error or error
        self.heard += 1
        self.end_if_complete()

    def fail(self, error: KafkaError, *, sent: int) -> None:
        """Send no more than the first `sent` records."""
        self.error = error
        self.target = sent
        self.end_if_complete()

    def end_if_complete(self) -> None:
        if self.heard >= self.target:
            self.end(self)


class BatchProducer:
    """Sends batches from any thread. Start it once the process has forked for the last time; stop it before the end."""

    def __init__(
        self, config: Config, *, bounds: Bounds | None = None, client: Callable[[Config], Producer] = Producer
    ) -> None:
        """Begin to connect; `config` is that of `producer_config`. `client` makes the library's producer."""
        self._bounds = bounds or Bounds()
        self._config = config | {
            "error_cb": self._heard_error,
            "queue.buffering.max.messages": 0,
            "queue.buffering.max.kbytes": _MOST_BUFFERED_KIB,
        }
        self._make = client
        self._producer = client(self._config)
        self._changed = threading.Condition()
        self._in_flight: set[_Batch] = set()
        self._stats = DeliveryStats()
        self._closed = False
        self._ending = False
        self._fatal: KafkaError | None = None
        self._trouble: KafkaError | None = None
        self._thread = threading.Thread(target=self._hear, name="kafka-delivery", daemon=True)
        self._thread.start()

    def send(self, parts: Sequence[tuple[str, Sequence[Record]]], *, timestamp: int) -> Future[None]:
        """Send records, topic by topic, as one batch, and return the promise that all of them are written.

        `timestamp` is the moment of sending, in ms since 1970. The promise fails with `BrokerError` when any record was
        not acknowledged in time; then others may have been written, so send the whole batch again, under ids that tell
        repeats. Raises `InFlightFull` and `ProducerStopped` when nothing was sent.
        """
        batch = self._admitted(parts)
        producer, sent = self._producer, 0
        try:
            for topic, records in parts:
                for record in records:
                    producer.produce(
                        topic,
                        record.value,
                        record.key,
                        on_delivery=batch.acknowledge,
                        timestamp=timestamp,
                        headers=record.headers,
                    )
                    sent += 1
        except KafkaException as error:
            self._note_fatal(error.args[0])
            batch.fail(error.args[0], sent=sent)
        except BufferError:
            batch.fail(KafkaError(_FULL), sent=sent)
        else:
            if not batch.target:
                batch.end_if_complete()
        return batch.promise

    def stats(self) -> DeliveryStats:
        """Return what was done so far and what waits."""
        with self._changed:
            return replace(self._stats, in_flight_batches=len(self._in_flight), queued_records=len(self._producer))

    def flush(self, seconds: float) -> bool:
        """Wait until nothing is in flight; return whether that came about within `seconds`."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._in_flight, seconds)

    def stop(self, seconds: float) -> bool:
        """Take nothing more and deliver what is in flight; return whether all of it was within `seconds`.

        What was not is failed. Blocks: call it in a thread from asynchronous code.
        """
        with self._changed:
            self._closed = True
        whole = self.flush(seconds)
        self._ending = True
        self._thread.join()
        with self._changed:
            left = list(self._in_flight)
        for batch in left:
            batch.fail(KafkaError(_GIVEN_UP), sent=0)
        return whole

    def _admitted(self, parts: Sequence[tuple[str, Sequence[Record]]]) -> _Batch:
        count = sum(len(records) for _, records in parts)
        nbytes = sum(record.nbytes for _, records in parts for record in records)
        batch = _Batch(count, nbytes, self._end, target=count)
        with self._changed:
            if self._closed:
                raise ProducerStopped("the producer is stopped; send the same batch again once the process is back")
            stats, bounds = self._stats, self._bounds
            full = stats.in_flight_records + count > bounds.records or stats.in_flight_bytes + nbytes > bounds.nbytes
            if full and self._in_flight:
                raise InFlightFull(self._retry_after())
            self._in_flight.add(batch)
            self._count(records=count, nbytes=nbytes)
        return batch

    def _retry_after(self) -> float:
        """Estimate when there is room, in whole seconds: what is in flight takes as long as the last batch did."""
        return min(_LONGEST_RETRY, max(1.0, math.ceil(self._stats.last_seconds)))

    def _count(self, *, records: int, nbytes: int, **more: Any) -> None:
        self._stats = replace(
            self._stats,
            in_flight_records=self._stats.in_flight_records + records,
            in_flight_bytes=self._stats.in_flight_bytes + nbytes,
            **more,
        )

    def _end(self, batch: _Batch) -> None:
        with self._changed:
            if batch.ended:
                return
            batch.ended = True
            self._in_flight.discard(batch)
            failed = batch.error is not None
            self._count(
                records=-batch.records,
                nbytes=-batch.nbytes,
                delivered_records=self._stats.delivered_records + (0 if failed else batch.records),
                failed_records=self._stats.failed_records + (batch.records if failed else 0),
                failed_batches=self._stats.failed_batches + failed,
                last_seconds=monotonic() - batch.begun,
            )
            if not failed:
                self._trouble = None
            self._changed.notify_all()
        if not batch.promise.set_running_or_notify_cancel():
            return
        if batch.error is None:
            batch.promise.set_result(None)
        else:
            self._note_fatal(batch.error)
            batch.promise.set_exception(self._explained(batch.error))

    def _explained(self, error: KafkaError) -> BrokerError:
        """Say why records were not written; a mere timeout is explained by the last trouble with the brokers."""
        cause = self._fatal or error
        because = f"; before it: {self._trouble.str()}" if self._trouble is not None and cause is error else ""
        doing = f"sending to {self._config['bootstrap.servers']}"
        if cause.fatal() or cause.code() in _UNEXPLAINED:
            return BrokerUnavailable(f"{doing}: {cause.str()}{because}; send the same batch again")
        found = named(cause, doing)
        return type(found)(f"{found}{because}")

    def _note_fatal(self, error: KafkaError) -> None:
        if error.fatal() or error.code() == _FATAL:
            self._fatal = error

    def _heard_error(self, error: KafkaError) -> None:
        self._note_fatal(error)
        self._trouble = error

    def _hear(self) -> None:
        """Serve acknowledgements until the end, whatever happens."""
        while not self._ending:
            try:
                self._producer.poll(_POLL_SECONDS)
                if self._fatal is not None:
                    self._replace()
            except Exception:  # noqa: BLE001 - the hearing thread outlives any fault
                _log.exception("delivery_fault")
        self._abandon()

    def _replace(self) -> None:
        """Make a new producer; what the old one still had is failed, so that its senders send it again."""
        _log.error("producer_replaced", error=str(self._fatal))
        old, self._producer = self._producer, self._make(self._config)
        self._abandon(old)
        with self._changed:
            self._fatal = None
            self._count(records=0, nbytes=0, replaced_producers=self._stats.replaced_producers + 1)

    def _abandon(self, producer: Producer | None = None) -> None:
        producer = producer or self._producer
        producer.purge()
        producer.flush(_PURGE_SECONDS)
