"""The README's worked examples: what other programs write to `usage` are events like any others."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
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

ROOT = Path(__file__).parents[3]
README = Path(outlay_infra.kafka.__file__).with_name("README.md")
PROGRAM = re.compile(r"```python\n(.*?)```", re.DOTALL)
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


def test_the_program_in_the_readme_writes_an_event(kafka_settings: KafkaSettings) -> None:
    (program,) = PROGRAM.findall(README.read_text("utf-8"))
    TopicAdmin(kafka_settings).apply()
    topic = cluster_topics(kafka_settings).usage.name
    here = program.replace("localhost:9092", kafka_settings.bootstrap).replace("outlay.usage", topic)
    subprocess.run([sys.executable, "-c", here], cwd=ROOT, check=True)

    (message,) = read_all(kafka_settings, topic)
    org = dict(message.headers())["org"].decode()
    usage = decode_avro([message.value()], org, now=datetime(2025, 11, 25, tzinfo=UTC), writers=Writers()).usage

    (event,) = usage.select(["org", "source", "id", "team", "input_tokens", "quantities"]).to_pylist()
    assert event == {
        "org": "default",
        "source": "api",
        "id": "call-2",
        "team": "search",
        "input_tokens": 386,
        "quantities": [("images", Decimal(2))],
    }
    assert keys(usage) == [message.key()]
