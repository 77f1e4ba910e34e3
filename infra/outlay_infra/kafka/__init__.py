"""Kafka: settings as the clients take them, topics made what they should be, batches delivered whole."""

from outlay_infra.kafka.client import (
    FaustBroker,
    client_config,
    cluster_topics,
    consumer_config,
    faust_broker,
    producer_config,
)
from outlay_infra.kafka.errors import BrokerError, BrokerRefused, BrokerUnavailable, TopicError

__all__ = [
    "BrokerError",
    "BrokerRefused",
    "BrokerUnavailable",
    "FaustBroker",
    "TopicError",
    "client_config",
    "cluster_topics",
    "consumer_config",
    "faust_broker",
    "producer_config",
]
