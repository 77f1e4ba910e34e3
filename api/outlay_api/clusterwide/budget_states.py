"""What the budgets workers publish, in memory: the newest state of every budget and team, by organisation."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TypeVar

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from outlay_infra.kafka import cluster_topics, consumer_config
from outlay_infra.settings import KafkaSettings
from outlay_schemas.budgets import BudgetState, TeamWindows, decode_state, read_record_key
from outlay_streams.budgets import BudgetsUnknown

_AT_ONCE = 500
_POLL_SECONDS = 0.5
_PAUSE_SECONDS = 2.0
_END = KafkaError._PARTITION_EOF  # noqa: SLF001 - librdkafka's own errors begin with an underscore

_State = TypeVar("_State", BudgetState, TeamWindows)

_log = structlog.get_logger()


class BudgetStates:
    """Follows the topic in a thread of its own; what it holds is decoded when it is asked for. Thread-safe."""

    def __init__(self, kafka: KafkaSettings) -> None:
        """Prepare; nothing is read yet."""
        self._kafka = kafka
        self._topic = cluster_topics(kafka).budget_state
        self._held: dict[str, dict[str, bytes | BudgetState | TeamWindows]] = {}
        self._changing = threading.Lock()
        self._stop = threading.Event()
        self._known = False

    @contextmanager
    def following(self) -> Iterator[BudgetStates]:
        """Follow the topic while the context is open."""
        thread = threading.Thread(target=self._follow, name="budget-states", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()

    def orgs(self) -> list[str]:
        """Return the organisations of which something is known; raise as `states` does."""
        self._see()
        with self._changing:
            return sorted(self._held)

    def states(self, org: str, /) -> list[BudgetState]:
        """Return the newest state of every budget, by its id; raise `BudgetsUnknown` before all were read once."""
        return self._of(org, BudgetState)

    def windows(self, org: str, /) -> list[TeamWindows]:
        """Return the newest windows of every team, by its name; raise as `states` does."""
        return self._of(org, TeamWindows)

    def _of(self, org: str, kind: type[_State]) -> list[_State]:
        self._see()
        with self._changing:
            rows = self._held.get(org, {})
            for row, held in list(rows.items()):
                if isinstance(held, bytes):
                    try:
                        rows[row] = decode_state(row, held)
                    except ValueError as error:
                        del rows[row]
                        _log.error("budget_state_unreadable", org=org, row=row, error=str(error), effect="left out")
            return [state for _, state in sorted(rows.items()) if isinstance(state, kind)]

    def _see(self) -> None:
        if not self._known:
            raise BudgetsUnknown(f"{self._topic.name} was not read to its end yet; ask again in a moment")

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                self._read()
            except KafkaException as error:
                _log.warning("budget_states_unread", error=str(error), effect="read from the beginning again")
            except Exception:  # noqa: BLE001 - the API answers all else meanwhile
                _log.exception("budget_states_fault")
            self._known = False
            self._stop.wait(_PAUSE_SECONDS)

    def _read(self) -> None:
        """Read from the beginning, for ever."""
        with self._changing:
            self._held.clear()
        config = consumer_config(self._kafka, "states", enable_partition_eof=True)
        with closing(Consumer(config)) as consumer:
            places = range(self._topic.partitions)
            consumer.assign([TopicPartition(self._topic.name, place, OFFSET_BEGINNING) for place in places])
            unread = set(places)
            while not self._stop.is_set():
                for message in consumer.consume(_AT_ONCE, _POLL_SECONDS):
                    error = message.error()
                    if error is None:
                        self._take(message)
                    elif error.code() == _END:
                        unread.discard(message.partition())
                    elif not error.retriable():
                        raise KafkaException(error)
                self._known = not unread

    def _take(self, message: Message) -> None:
        try:
            org, row = read_record_key(message.key() or b"")
        except ValueError as error:
            _log.error("budget_state_unreadable", topic=self._topic.name, error=str(error), effect="left out")
            return
        value = message.value()
        with self._changing:
            rows = self._held.setdefault(org, {})
            if value is None:
                rows.pop(row, None)
            else:
                rows[row] = value
