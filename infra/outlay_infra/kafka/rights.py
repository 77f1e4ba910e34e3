"""What the brokers let this user do, as far as they tell."""

from __future__ import annotations

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AclOperation, AdminClient

from outlay_infra.kafka.client import client_config, cluster_topics
from outlay_infra.kafka.errors import named
from outlay_infra.settings import KafkaSettings

_SECONDS = 15.0
_NEEDED = (AclOperation.DESCRIBE, AclOperation.READ, AclOperation.WRITE)


def missing_rights(kafka: KafkaSettings) -> list[str]:
    """Return a line for each topic of the deployment that this user may not use in full. Raises `BrokerError`."""
    topics = TopicCollection([topic.name for topic in cluster_topics(kafka).all()])
    admin = AdminClient(client_config(kafka))  # its answers end with it
    asked = admin.describe_topics(topics, include_authorized_operations=True, request_timeout=_SECONDS)
    lines = []
    for name, future in asked.items():
        try:
            allowed = future.result(2 * _SECONDS).authorized_operations
        except KafkaException as error:
            raise named(error, f"asking for the rights on {name}") from None
        missing = [operation.name for operation in _NEEDED if allowed is not None and operation not in allowed]
        if missing:
            lines.append(f"{name}: {', '.join(missing)}")
    return lines
