"""The loader's place in its consumer group: records in, offsets out, partitions given and taken one by one.

Assignment is cooperative: what stays with a loader goes on while the rest moves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from outlay_infra.kafka.client import Config
from outlay_infra.kafka.errors import named

_AT_ONCE = 500
# librdkafka's own errors begin with an underscore.
_PASSING = frozenset(
    {
        KafkaError._MAX_POLL_EXCEEDED,  # noqa: SLF001 - it joins again
        KafkaError._TRANSPORT,  # noqa: SLF001 - it connects again
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
        KafkaError._TIMED_OUT,  # noqa: SLF001
    }
)
_MOVED = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError._NO_OFFSET,  # noqa: SLF001
        KafkaError._STATE,  # noqa: SLF001
        KafkaError._ASSIGNMENT_LOST,  # noqa: SLF001
    }
)

_log = structlog.get_logger()

Place = tuple[str, int]
"""Topic and partition."""


class Group:
    """Used by one thread. Methods raise `BrokerError`."""

    def __init__(
        self,
        config: Config,
        topics: Sequence[str],
        *,
        given: Callable[[Sequence[Place]], None],
        taken: Callable[[Sequence[Place], bool], Mapping[Place, int]],
    ) -> None:
        """Join the group; `config` is that of `consumer_config`.

        `given` hears of partitions that are now this loader's, `taken` of those that are no more, and whether another
        may have them already: it returns the offset that each of them goes on from elsewhere.
        """
        self._given = given
        self._taken = taken
        self._assigned: set[Place] = set()
        self.joined = False
        """Whether the group ever gave an answer."""
        self._consumer = Consumer(config | {"partition.assignment.strategy": "cooperative-sticky"})
        self._consumer.subscribe(
            list(topics), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def read(self, seconds: float) -> list[Message]:
        """Return what came; wait for the first record at most so long."""
        first = self._consumer.poll(seconds)
        if first is None:
            return []
        found = [first, *self._consumer.consume(_AT_ONCE, 0)]
        return [message for message in found if not self._failed(message)]

    def commit(self, offsets: Mapping[Place, int], *, wait: bool) -> None:
        """Note where each place goes on after a restart; a loss costs a question to the store, nothing else."""
        if not offsets:
            return
        places = [TopicPartition(*place, offset) for place, offset in offsets.items()]
        try:
            self._consumer.commit(offsets=places, asynchronous=not wait)
        except KafkaException as error:
            cause: KafkaError = error.args[0]
            if not (cause.code() in _MOVED or cause.code() in _PASSING or cause.retriable()):
                raise named(error, "committing offsets") from None
            _log.warning("offsets_not_committed", error=cause.str(), effect="their blocks are passed over next time")

    def pause(self, places: Iterable[Place], *, paused: bool) -> None:
        """Read no more of some places, or read them again."""
        mine = [TopicPartition(*place) for place in places if place in self._assigned]
        if mine:
            (self._consumer.pause if paused else self._consumer.resume)(mine)

    def ends(self) -> dict[Place, int]:
        """Return the newest end known of each place, control records included."""
        found = {}
        for place in self._assigned:
            _, high = self._consumer.get_watermark_offsets(TopicPartition(*place), cached=True)
            if high >= 0:
                found[place] = high
        return found

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _on_assign(self, consumer: Consumer, assigned: list[TopicPartition]) -> None:
        places = _places(assigned)
        consumer.incremental_assign(assigned)
        self._assigned |= set(places)
        self.joined = True
        self._given(places)

    def _on_revoke(self, consumer: Consumer, revoked: list[TopicPartition]) -> None:
        places = _places(revoked)
        self.commit(self._taken(places, False), wait=True)
        self._assigned -= set(places)
        consumer.incremental_unassign(revoked)

    def _on_lost(self, consumer: Consumer, lost: list[TopicPartition]) -> None:
        places = _places(lost)
        _log.warning("partitions_lost", places=_told(places), effect="another loader may have them already")
        self._taken(places, True)
        self._assigned -= set(places)
        consumer.incremental_unassign(lost)

    def _failed(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return False
        if error.fatal() or not (error.code() in _PASSING or error.retriable()):
            raise named(error, f"reading {message.topic()}")
        _log.warning("reading_failed", error=error.str())
        return True


def _places(partitions: Iterable[TopicPartition]) -> list[Place]:
    return [(one.topic, one.partition) for one in partitions]


def _told(places: Iterable[Place]) -> list[str]:
    return [f"{topic}/{partition}" for topic, partition in sorted(places)]
