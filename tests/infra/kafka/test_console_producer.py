"""The README's worked example: an event from the console producer of Apache Kafka is an event like any other."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import outlay_infra.kafka
from outlay_infra.kafka import cluster_topics
from outlay_infra.kafka.topic_admin import TopicAdmin
from outlay_infra.kafka.usage_records import keys
from outlay_infra.settings import KafkaSettings
from outlay_streams.decode.avro import decode_avro
from outlay_streams.decode.avro_writers import Writers
from tests.support.kafka_broker.broker import tool
from tests.support.kafka_broker.reading import read_all

README = Path(outlay_infra.kafka.__file__).with_name("README.md")
EXAMPLE = re.compile(r"printf '(?P<line>.*)' \|\n.*?--topic (?P<topic>\S+) \\\n +(?P<options>.*)\n")


def test_the_worked_example_is_an_event(kafka_settings: KafkaSettings) -> None:
    found = EXAMPLE.search(README.read_text("utf-8"))
    assert found is not None
    assert found["topic"] == cluster_topics(KafkaSettings()).usage.name
    TopicAdmin(kafka_settings).apply()
    topic = cluster_topics(kafka_settings).usage.name
    typed = found["line"].encode().decode("unicode_escape").encode()
    where = ("--bootstrap-server", kafka_settings.bootstrap, "--topic", topic)
    tool("org.apache.kafka.tools.ConsoleProducer", *where, *found["options"].split(), stdin=typed)

    (message,) = read_all(kafka_settings, topic)
    org = dict(message.headers())["org"].decode()
    usage = decode_avro([message.value()], org, now=datetime(2026, 11, 24, 12, tzinfo=UTC), writers=Writers()).usage

    assert usage.select(["org", "source", "id", "team", "input_tokens"]).to_pylist() == [
        {"org": "default", "source": "api", "id": "call-1", "team": "search", "input_tokens": 386}
    ]
    assert keys(usage) == [message.key()]
