"""Settings as the two Kafka client libraries take them: librdkafka (confluent-kafka) and aiokafka (below Faust).

A configuration holds the password in plain text: pass it to a client, and never log it.
"""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from outlay_infra.settings import KafkaSettings
from outlay_schemas.topics import Topics, topics

Config = dict[str, Any]
"""Properties of librdkafka by name (its CONFIGURATION.md), secrets included."""

LOG = "outlay.kafka"
"""The logger that librdkafka writes to."""

logging.getLogger(LOG).addHandler(logging.NullHandler())  # else a command without logs shows every attempt to connect

_BATCH_BYTES = 1024 * 1024
_LINGER_MS = 5
_FETCH_BYTES = 50 * 1024 * 1024


def cluster_topics(kafka: KafkaSettings) -> Topics:
    """Return the topics of this deployment."""
    return topics(
        prefix=kafka.prefix,
        partitions=kafka.partitions,
        retention=timedelta(days=kafka.retention_days),
        message_bytes=kafka.max_message_bytes,
    )


def client_config(kafka: KafkaSettings, **more: Any) -> Config:
    """Return what every client needs to reach the brokers; `more` adds properties, `_` for `.` in their names.

    For example `client_config(kafka, client_id="meter-0", isolation_level="read_committed")`.
    """
    config: Config = {
        "bootstrap.servers": kafka.bootstrap,
        "security.protocol": kafka.security,
        "client.id": "outlay",
        "logger": logging.getLogger(LOG),
    }
    if kafka.security.startswith("sasl"):
        assert kafka.sasl_password is not None  # noqa: S101 - held by the settings
        config |= {
            "sasl.mechanism": kafka.sasl_mechanism,
            "sasl.username": kafka.sasl_user,
            "sasl.password": kafka.sasl_password.get_secret_value(),
        }
    if kafka.security.endswith("ssl"):
        files = {"ca": kafka.ssl_ca, "certificate": kafka.ssl_cert, "key": kafka.ssl_key}
        config |= {f"ssl.{name}.location": str(path) for name, path in files.items() if path is not None}
    return config | {name.replace("_", "."): value for name, value in more.items()}


def producer_config(kafka: KafkaSettings, **more: Any) -> Config:
    """Return the properties of an idempotent producer: acknowledged by all in-sync copies, keys placed as Java does."""
    return client_config(kafka) | {
        "enable.idempotence": True,
        "acks": "all",
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
        "linger.ms": _LINGER_MS,
        "batch.size": min(_BATCH_BYTES, kafka.max_message_bytes),
        "message.max.bytes": kafka.max_message_bytes,
        "delivery.timeout.ms": int(kafka.delivery_seconds * 1000),
        **{name.replace("_", "."): value for name, value in more.items()},
    }


def consumer_config(kafka: KafkaSettings, group: str, **more: Any) -> Config:
    """Return the properties of a consumer that commits by hand and sees committed records only.

    `group` gets the prefix of the settings.
    """
    largest = kafka.max_message_bytes
    return client_config(kafka) | {
        "group.id": kafka.prefix + group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
        "fetch.message.max.bytes": largest,
        "fetch.max.bytes": max(_FETCH_BYTES, largest),
        "receive.message.max.bytes": max(_FETCH_BYTES, largest) * 2,
        **{name.replace("_", "."): value for name, value in more.items()},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class FaustBroker:
    """What Faust needs to reach the brokers; `runtime/faust_budgets.py` makes its credentials of it."""

    urls: list[str]
    """As `kafka://host:port`."""
    mechanism: str | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ssl_context: ssl.SSLContext | None = None

    @property
    def plain(self) -> bool:
        """Whether neither a user nor TLS is needed."""
        return self.user is None and self.ssl_context is None


def faust_broker(kafka: KafkaSettings) -> FaustBroker:
    """Return how Faust reaches the brokers; raise `OSError` or `ssl.SSLError` for certificates that cannot be read."""
    with_user = kafka.security.startswith("sasl")
    secret = kafka.sasl_password
    return FaustBroker(
        urls=[f"kafka://{host}" for host in kafka.bootstrap.split(",")],
        mechanism=kafka.sasl_mechanism if with_user else None,
        user=kafka.sasl_user if with_user else None,
        password=secret.get_secret_value() if with_user and secret is not None else None,
        ssl_context=_ssl_context(kafka) if kafka.security.endswith("ssl") else None,
    )


def _ssl_context(kafka: KafkaSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=kafka.ssl_ca)
    if kafka.ssl_cert is not None:
        context.load_cert_chain(kafka.ssl_cert, kafka.ssl_key)
    return context
