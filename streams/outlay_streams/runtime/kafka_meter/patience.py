"""Faults of the brokers that pass: a partition changes its leader, a coordinator moves, a transaction is not over."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException

from outlay_infra.kafka.errors import named

SECONDS = 60.0
"""How long they are waited for."""

_PAUSE = 0.05
_PASSING = frozenset(
    {
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.NOT_COORDINATOR,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.UNSTABLE_OFFSET_COMMIT,
        # librdkafka's own errors begin with an underscore.
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
        KafkaError._DESTROY_BROKER,  # noqa: SLF001 - a broker that was asked is no longer one of the cluster's
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._WAIT_COORD,  # noqa: SLF001
    }
)
_Answer = TypeVar("_Answer")


def passes(error: KafkaError) -> bool:
    """Return whether asking again may succeed; errors of single partitions do not say so themselves."""
    return error.code() in _PASSING or error.retriable()


def patiently(ask: Callable[[], _Answer], doing: str) -> _Answer:
    """Ask until it is answered; raise `BrokerError`, which says what was being done, when that takes too long."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            return ask()
        except KafkaException as error:
            if not passes(error.args[0]) or time.monotonic() > deadline:
                raise named(error, doing) from None
            time.sleep(_PAUSE)
