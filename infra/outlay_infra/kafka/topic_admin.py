"""Topics on the brokers, compared with what they should be and made so. The same again changes nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

from outlay_infra.kafka.client import client_config, cluster_topics
from outlay_infra.kafka.errors import BrokerError, BrokerUnavailable, named
from outlay_infra.kafka.plan import Action, ActualTopic, DesiredTopic, TopicChange, desired, doable, plan
from outlay_infra.settings import KafkaSettings
from outlay_schemas.topics import Topics

_SECONDS = 30.0
_PATIENCE = 2 * _SECONDS
_PAUSE = 0.05
_BROKER_CHOOSES = -1

_Result = TypeVar("_Result")


class TopicAdmin:
    """Compares and changes the topics of one deployment, by default those of its settings."""

    def __init__(self, kafka: KafkaSettings, topics: Topics | None = None) -> None:
        """Prepare; nothing is asked of the brokers yet."""
        found = topics or cluster_topics(kafka)
        self._desired = [
            desired(topic, replication=kafka.replication, min_in_sync=kafka.min_in_sync) for topic in found.all()
        ]
        self._last: list[KafkaError] = []
        self._bootstrap = kafka.bootstrap
        self._client = AdminClient(client_config(kafka) | {"error_cb": self._last.append})

    def diff(self) -> list[TopicChange]:
        """Return what is not as it should be. Raises `BrokerError`."""
        return plan(self._desired, self._actual())

    def apply(self, *, raise_partitions: bool = False) -> list[TopicChange]:
        """Make the topics what they should be; return every difference there was, also those left as they were.

        Partitions are raised only with `raise_partitions`. Raises `BrokerError`; what was done until then stays, and
        applying again does the rest.
        """
        changes = self.diff()
        todo = doable(changes, raise_partitions=raise_partitions)
        by_name = {topic.name: topic for topic in self._desired}
        self._create([by_name[change.topic] for change in todo if change.action is Action.CREATE])
        self._raise([by_name[change.topic] for change in todo if change.action is Action.RAISE])
        self._set([change for change in todo if change.action is Action.SET])
        if todo:
            self._await(raise_partitions=raise_partitions)
        return changes

    def _await(self, *, raise_partitions: bool) -> None:
        """Return once the brokers themselves tell of what their controller did."""
        deadline = time.monotonic() + _SECONDS
        while pending := doable(self.diff(), raise_partitions=raise_partitions):
            if time.monotonic() > deadline:
                names = ", ".join(sorted({change.topic for change in pending}))
                raise BrokerUnavailable(f"the brokers on {self._bootstrap} do not tell of the changes to {names} yet")
            time.sleep(_PAUSE)

    def check(self, seconds: float = 10.0) -> None:
        """Return when a broker answers and every topic is there; raise `BrokerError` with the reason when not."""
        present = self._metadata(seconds)
        missing = [topic.name for topic in self._desired if topic.name not in present]
        if missing:
            raise BrokerError(f"topics are missing on {self._bootstrap}: {', '.join(missing)}; run outlay topics apply")

    def _actual(self) -> dict[str, ActualTopic]:
        present = self._metadata(_SECONDS)
        names = [topic.name for topic in self._desired if topic.name in present]
        asked = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        found = self._client.describe_configs(asked, request_timeout=_SECONDS) if asked else {}
        actual = {}
        for resource, future in found.items():
            entries = _done(future, f"reading the settings of topic {resource.name}")
            partitions, replication = present[resource.name]
            settings = {name: entry.value for name, entry in entries.items()}
            actual[resource.name] = ActualTopic(partitions=partitions, replication=replication, settings=settings)
        return actual

    def _metadata(self, seconds: float) -> Mapping[str, tuple[int, int]]:
        """Return the partitions and copies of every topic there is."""
        self._last.clear()
        try:
            listed = self._client.list_topics(timeout=seconds)
        except KafkaException as error:
            self._client.poll(0)
            cause = self._last[0] if self._last else error
            raise named(cause, f"asking {self._bootstrap} for its topics") from None
        return {
            name: (len(topic.partitions), min((len(one.replicas) for one in topic.partitions.values()), default=0))
            for name, topic in listed.topics.items()
            if topic.error is None
        }

    def _create(self, topics: list[DesiredTopic]) -> None:
        if not topics:
            return
        new = [
            NewTopic(
                topic.name,
                topic.partitions,
                topic.replication or _BROKER_CHOOSES,
                config=dict(topic.settings),
            )
            for topic in topics
        ]
        futures = self._client.create_topics(new, operation_timeout=_SECONDS, request_timeout=_SECONDS)
        for name, future in futures.items():
            error = future.exception(_PATIENCE)
            if isinstance(error, KafkaException) and error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
                continue  # another process made it at the same time
            _done(future, f"creating topic {name}")

    def _raise(self, topics: list[DesiredTopic]) -> None:
        if not topics:
            return
        new = [NewPartitions(topic.name, topic.partitions) for topic in topics]
        futures = self._client.create_partitions(new, operation_timeout=_SECONDS, request_timeout=_SECONDS)
        for name, future in futures.items():
            _done(future, f"raising the partitions of topic {name}")

    def _set(self, changes: list[TopicChange]) -> None:
        if not changes:
            return
        resources: dict[str, ConfigResource] = {}
        for change in changes:
            resource = resources.setdefault(change.topic, ConfigResource(ResourceType.TOPIC, change.topic))
            entry = ConfigEntry(change.what, change.after, incremental_operation=AlterConfigOpType.SET)
            resource.add_incremental_config(entry)
        futures = self._client.incremental_alter_configs(list(resources.values()), request_timeout=_SECONDS)
        for resource, future in futures.items():
            _done(future, f"setting {resource.name}")


def _done(future: Future[_Result], doing: str) -> _Result:
    try:
        return future.result(_PATIENCE)
    except KafkaException as error:
        raise named(error, doing) from None
