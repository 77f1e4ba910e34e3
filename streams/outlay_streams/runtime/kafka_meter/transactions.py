"""One transaction: records out and the offsets they were made from, together or not at all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from outlay_infra.kafka.client import Config
from outlay_infra.kafka.delivery import Header
from outlay_infra.kafka.errors import BrokerUnavailable, named
from outlay_streams.runtime.kafka_meter.errors import Aborted, Fenced
from outlay_streams.runtime.kafka_meter.patience import SECONDS, passes

_CALL_SECONDS = 10.0
_STUCK_SECONDS = 20.0
_PAUSE = 0.05
# librdkafka's own errors begin with an underscore.
_FENCED = frozenset(
    {
        KafkaError._FENCED,  # noqa: SLF001
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.FENCED_INSTANCE_ID,
    }
)
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One record to write. `partition` None leaves it to the key."""

    topic: str
    value: bytes
    key: bytes | None = None
    partition: int | None = None
    headers: Sequence[Header] = ()


class Transactions:
    """Writes transactions under one name; a later process of the same name fences this one out."""

    def __init__(self, config: Config) -> None:
        """Take the name over, ending what an earlier process left open. Raises `BrokerError`, `Fenced`."""
        self._config = config
        self._producer = self._begun()

    def commit(self, outputs: Sequence[Output], offsets: Sequence[TopicPartition], group: Any) -> list[int]:
        """Write `outputs` and `offsets` of the consumer `group`, and return the offset each output has.

        Raises `Aborted` when nothing of it took place, `Fenced` when another process has taken over, and `BrokerError`
        when it is not known: end then, for a restart reads what is true.
        """
        written: list[int] = [-1] * len(outputs)
        try:
            self._retried(self._producer.begin_transaction, doing="beginning a transaction")
            for place, output in enumerate(outputs):
                self._produce(output, place, written)
            self._send(offsets, group)
            self._retried(self._producer.commit_transaction, _CALL_SECONDS, doing="committing a transaction")
        except _Stuck:
            self._producer = self._begun()
            raise Aborted("the brokers do not take the offsets of a transaction; it was ended by another") from None
        except Aborted:
            self._retried(self._producer.abort_transaction, _CALL_SECONDS, doing="aborting a transaction")
            raise
        self._producer.poll(0)
        return written

    def _begun(self) -> Producer:
        """Return a producer that has the name, and by that has ended what was open under it."""
        producer = Producer(self._config)
        self._retried(producer.init_transactions, _CALL_SECONDS, doing="beginning to write transactions")
        return producer

    def _send(self, offsets: Sequence[TopicPartition], group: Any) -> None:
        """Send offsets in a thread that can be left behind: the call may hang for ever once a coordinator is gone.

        That is librdkafka 5456 and 5511, open in 2.16; the producer is given up with it.
        """
        sent: Future[None] = Future()
        producer = self._producer

        def send() -> None:
            try:
                self._retried(
                    producer.send_offsets_to_transaction, offsets, group, _CALL_SECONDS, doing="writing offsets"
                )
                sent.set_result(None)
            except BaseException as error:  # noqa: BLE001 - handed to whoever waits
                sent.set_exception(error)

        threading.Thread(target=send, name="offsets", daemon=True).start()
        try:
            sent.result(_STUCK_SECONDS)
        except TimeoutError:
            raise _Stuck from None

    def _produce(self, output: Output, place: int, written: list[int]) -> None:
        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is None:
                written[place] = message.offset()

        chosen = {} if output.partition is None else {"partition": output.partition}
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                self._producer.produce(
                    output.topic,
                    output.value,
                    output.key,
                    headers=list(output.headers),
                    on_delivery=delivered,
                    **chosen,
                )
            except BufferError:
                if time.monotonic() > deadline:
                    raise Aborted("the brokers take no more records") from None
                self._producer.poll(0.1)
            except KafkaException as error:
                raise _judged(error, f"writing to {output.topic}", abort=True) from None
            else:
                return

    def _retried(self, call: Callable[..., _Result], *arguments: Any, doing: str) -> _Result:
        """Call until it succeeds or fails for good; every call bears a repeat, as librdkafka promises."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                return call(*arguments)
            except KafkaException as error:
                cause: KafkaError = error.args[0]
                if not passes(cause) or cause.fatal() or cause.txn_requires_abort():
                    raise _judged(error, doing, abort=cause.txn_requires_abort()) from None
                if time.monotonic() > deadline:
                    raise BrokerUnavailable(f"{doing}: {cause.str()}; is the broker running?") from None
                time.sleep(_PAUSE)


class _Stuck(Exception):  # noqa: N818 - reads as what happened
    """A call did not come back."""


def _judged(error: KafkaException, doing: str, *, abort: bool) -> Exception:
    cause: KafkaError = error.args[0]
    if cause.code() in _FENCED:
        return Fenced(f"{doing}: {cause.str()}; another meter of this name runs or took the partitions over")
    if abort and not cause.fatal():
        return Aborted(f"{doing}: {cause.str()} ({cause.name()})")
    return named(error, doing)
