"""What can go wrong with the brokers, as callers see it.

BrokerError
├── BrokerUnavailable   no broker answers; try again later
├── BrokerRefused       a user, certificate or right is not accepted
└── TopicError          a topic is missing, or is not what it should be
"""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException


class BrokerError(Exception):
    """The brokers failed in a way no other class names; report it with the message."""


class BrokerUnavailable(BrokerError):  # noqa: N818 - as the caller meets it
    """No broker can be reached, or none leads what was asked for; retry with a pause."""


class BrokerRefused(BrokerError):  # noqa: N818 - as the caller meets it
    """The brokers do not accept the credentials, or the user lacks a right; correct the settings or grant it."""


class TopicError(BrokerError):
    """A topic is missing or cannot be made as asked; the message names it."""


_REFUSED = frozenset(
    {
        KafkaError._AUTHENTICATION,  # noqa: SLF001 - librdkafka's own errors begin with an underscore
        KafkaError._SSL,  # noqa: SLF001
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.UNSUPPORTED_SASL_MECHANISM,
        KafkaError.ILLEGAL_SASL_STATE,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    }
)
_TOPIC = frozenset(
    {
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.TOPIC_EXCEPTION,
        KafkaError.INVALID_PARTITIONS,
        KafkaError.INVALID_REPLICATION_FACTOR,
        KafkaError.INVALID_CONFIG,
        KafkaError.POLICY_VIOLATION,
    }
)
_UNAVAILABLE = frozenset(
    {
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
        KafkaError._RESOLVE,  # noqa: SLF001
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError._TIMED_OUT_QUEUE,  # noqa: SLF001
        KafkaError._MSG_TIMED_OUT,  # noqa: SLF001
        KafkaError._DESTROY_BROKER,  # noqa: SLF001
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.NOT_ENOUGH_REPLICAS,
        KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    }
)


def named(error: KafkaError | KafkaException, doing: str) -> BrokerError:
    """Return `error` as this tree names it; `doing` says what was tried, on what."""
    cause: KafkaError = error.args[0] if isinstance(error, KafkaException) else error
    code = cause.code()
    text = f"{doing}: {cause.str()} ({cause.name()})"
    if code in _REFUSED:
        return BrokerRefused(f"{text}; check the user, the certificate and its rights")
    if code in _TOPIC:
        return TopicError(text)
    if code in _UNAVAILABLE or cause.retriable():
        return BrokerUnavailable(f"{text}; is the broker running, and is its address right?")
    return BrokerError(text)


__all__ = ["BrokerError", "BrokerRefused", "BrokerUnavailable", "TopicError", "named"]
