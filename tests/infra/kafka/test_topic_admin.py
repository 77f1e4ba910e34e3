"""Topics on real brokers, made what they should be."""

from __future__ import annotations

import socket

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from outlay_infra.kafka import BrokerError, BrokerRefused, BrokerUnavailable, TopicError
from outlay_infra.kafka.plan import Action
from outlay_infra.kafka.topic_admin import TopicAdmin
from outlay_infra.settings import KafkaSettings


def test_the_same_settings_again_change_nothing(kafka_settings: KafkaSettings) -> None:
    admin = TopicAdmin(kafka_settings)
    with pytest.raises(BrokerError, match=r"usage.*run outlay topics apply"):
        admin.check()

    made = admin.apply()

    assert {change.action for change in made} == {Action.CREATE}
    assert len(made) == 8
    assert admin.diff() == admin.apply() == []
    admin.check()


def test_other_settings_are_set_and_partitions_raised_only_when_asked(kafka_settings: KafkaSettings) -> None:
    TopicAdmin(kafka_settings).apply()
    admin = TopicAdmin(kafka_settings.model_copy(update={"retention_days": 3, "partitions": 4}))

    first = admin.apply()
    left = admin.diff()
    admin.apply(raise_partitions=True)

    assert {change.what for change in first} == {"retention.ms", "partitions"}
    assert {change.action for change in left} == {Action.RAISE}
    assert admin.diff() == []


def test_what_cannot_be_done_is_told_and_left(kafka_settings: KafkaSettings) -> None:
    TopicAdmin(kafka_settings).apply()
    admin = TopicAdmin(kafka_settings.model_copy(update={"partitions": 1, "replication": 2}))
    admin.apply(raise_partitions=True)
    assert {(change.what, change.action) for change in admin.diff()} == {
        ("partitions", Action.IMPOSSIBLE),
        ("replication", Action.IMPOSSIBLE),
    }


def test_topics_of_others_are_left_alone(kafka_settings: KafkaSettings) -> None:
    client = AdminClient({"bootstrap.servers": kafka_settings.bootstrap})
    name = f"{kafka_settings.prefix}another"
    client.create_topics([NewTopic(name, 3, 1)])[name].result(30)
    TopicAdmin(kafka_settings).apply()
    assert len(client.list_topics(timeout=30).topics[name].partitions) == 3


def test_what_the_brokers_refuse_is_an_error_that_names_the_topic(kafka_settings: KafkaSettings) -> None:
    with pytest.raises(TopicError, match=r"creating topic .*usage"):
        TopicAdmin(kafka_settings.model_copy(update={"replication": 3})).apply()


def test_a_broker_that_is_away_is_named() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        bootstrap = f"127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(BrokerUnavailable, match=bootstrap):
            TopicAdmin(KafkaSettings(bootstrap=bootstrap)).check(seconds=1)


def test_a_broker_that_does_not_speak_sasl_refuses(kafka_settings: KafkaSettings) -> None:
    secured = kafka_settings.model_copy(
        update={"security": "sasl_plaintext", "sasl_user": "outlay", "sasl_password": _secret()}
    )
    with pytest.raises((BrokerRefused, BrokerUnavailable)) as error:
        TopicAdmin(secured).check(seconds=3)
    assert "hunter2" not in str(error.value)


def _secret() -> object:
    return KafkaSettings(sasl_password="hunter2").sasl_password
