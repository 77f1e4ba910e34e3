"""Real Kafka for every test: a container where an engine answers, else Apache Kafka's own jars, else a loud skip.

With `OUTLAY_REQUIRE_SERVICES` set, as in CI, what would be a skip is a failure.
"""

from __future__ import annotations

import itertools
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import NoReturn

import pytest
from confluent_kafka.admin import AdminClient

from outlay_infra.settings import KafkaSettings
from tests.support.containers import docker_answers
from tests.support.kafka_broker.broker import Broker
from tests.support.kafka_broker.jars import NoKafkaError

IMAGE = "confluentinc/cp-kafka:8.1.0"
"""Apache Kafka of the same minor version as the jars."""

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bootstrap address of the one broker this run shares."""
    with ExitStack() as stack:
        if docker_answers():
            from testcontainers.kafka import KafkaContainer  # noqa: PLC0415 - only where an engine answers

            container = stack.enter_context(KafkaContainer(IMAGE).with_kraft())
            yield container.get_bootstrap_server()
            return
        folder = tmp_path_factory.mktemp("kafka")
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            broker = stack.enter_context(Broker.launched(folder))
        except NoKafkaError as error:
            missing(error)
        yield broker.bootstrap


@pytest.fixture
def topic_prefix(kafka: str) -> Iterator[str]:
    """A prefix that no other test uses; topics under it are deleted afterwards."""
    prefix = f"t{next(_numbers)}-{uuid.uuid4().hex[:8]}."
    yield prefix
    admin = AdminClient({"bootstrap.servers": kafka})
    mine = [name for name in admin.list_topics(timeout=30).topics if name.startswith(prefix)]
    for deleted in admin.delete_topics(mine).values() if mine else ():
        deleted.result(30)


@pytest.fixture
def kafka_settings(kafka: str, topic_prefix: str) -> KafkaSettings:
    """Settings for the shared broker under a prefix of the test's own, with two partitions a topic."""
    return KafkaSettings(bootstrap=kafka, prefix=topic_prefix, partitions=2)


@pytest.fixture
def launch_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Broker]]:
    """Launch brokers of the test's own, to stop, kill and start again."""
    with ExitStack() as stack:

        def launch() -> Broker:
            folder = tmp_path_factory.mktemp("broker")
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            try:
                return stack.enter_context(Broker.launched(folder))
            except NoKafkaError as error:
                missing(error)

        yield launch


def missing(error: NoKafkaError) -> NoReturn:
    """Skip, or fail where services are required."""
    told = f"Apache Kafka could not be started: {error}"
    if os.environ.get("OUTLAY_REQUIRE_SERVICES"):
        pytest.fail(told)
    pytest.skip(told)
