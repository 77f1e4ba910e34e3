"""Settings as the Kafka clients take them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

from outlay_infra.kafka import client_config, cluster_topics, consumer_config, faust_broker, producer_config
from outlay_infra.settings import KafkaSettings

SECURED = KafkaSettings(
    bootstrap="a:1,b:2", security="sasl_ssl", sasl_user="outlay", sasl_password="hunter2", registry="http://u:hunter2@r"
)


def test_a_plain_broker_needs_its_address_only() -> None:
    config = client_config(KafkaSettings(bootstrap="a:1"), client_id="meter-0")
    assert (config["bootstrap.servers"], config["security.protocol"], config["client.id"]) == (
        "a:1",
        "plaintext",
        "meter-0",
    )
    assert not [name for name in config if name.startswith(("sasl", "ssl"))]


def test_a_secured_broker_gets_the_user_and_the_certificates() -> None:
    files = {"ssl_ca": "/ca.pem", "ssl_cert": "/cert.pem", "ssl_key": "/key.pem"}
    config = client_config(
        KafkaSettings(security="sasl_ssl", sasl_mechanism="PLAIN", sasl_user="outlay", sasl_password="hunter2", **files)
    )
    assert (config["sasl.mechanism"], config["sasl.username"], config["sasl.password"]) == (
        "PLAIN",
        "outlay",
        "hunter2",
    )
    assert config["ssl.ca.location"] == "/ca.pem"
    assert (config["ssl.certificate.location"], config["ssl.key.location"]) == ("/cert.pem", "/key.pem")


def test_librdkafka_takes_every_property() -> None:
    Producer(producer_config(SECURED))
    Consumer(consumer_config(SECURED, "meter")).close()
    largest = KafkaSettings(max_message_bytes=512 * 1024 * 1024, in_flight_bytes=2048 * 1024 * 1024)
    Producer(producer_config(largest))
    Consumer(consumer_config(largest, "meter")).close()


def test_producers_are_idempotent_and_place_keys_as_java_does() -> None:
    config = producer_config(KafkaSettings(delivery_seconds=2.5), linger_ms=0)
    assert (config["enable.idempotence"], config["acks"], config["partitioner"]) == (True, "all", "murmur2_random")
    assert (config["delivery.timeout.ms"], config["linger.ms"]) == (2500, 0)


def test_consumers_commit_by_hand_and_see_no_open_transaction() -> None:
    config = consumer_config(KafkaSettings(prefix="x."), "meter", client_id="meter-1")
    assert (config["group.id"], config["enable.auto.commit"], config["isolation.level"]) == (
        "x.meter",
        False,
        "read_committed",
    )
    assert config["client.id"] == "meter-1"


def test_faust_gets_the_same_brokers_and_user() -> None:
    found = faust_broker(SECURED)
    assert found.urls == ["kafka://a:1", "kafka://b:2"]
    assert (found.user, found.password, found.mechanism, found.plain) == ("outlay", "hunter2", "SCRAM-SHA-512", False)
    assert found.ssl_context is not None
    assert faust_broker(KafkaSettings()).plain


def test_a_certificate_that_is_not_there_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - Python's own words
        faust_broker(KafkaSettings(security="ssl", ssl_ca=tmp_path / "absent.pem"))


def test_no_secret_is_ever_shown() -> None:
    for shown in (repr(SECURED), str(SECURED), repr(faust_broker(SECURED)), SECURED.model_dump_json()):
        assert "hunter2" not in shown


def test_topics_follow_the_settings() -> None:
    found = cluster_topics(KafkaSettings(prefix="p.", partitions=3, retention_days=2, max_message_bytes=1024 * 1024))
    assert (found.usage.name, found.usage.partitions, found.spend.partitions) == ("p.usage", 3, 3)
    assert (found.usage.retention, found.usage.message_bytes) == (timedelta(days=2), 1024 * 1024)
