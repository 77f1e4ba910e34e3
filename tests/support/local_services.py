"""A broker and a store for a cluster on this machine, as one process: `outlay cluster` starts it from a checkout.

It prints where they are as one line of JSON, and stops both, leaving nothing, once its standard input ends. Containers
where an engine answers; else Apache Kafka's own jars, and the embedded engine behind an HTTP front.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.clickhouse_process import ClickHouseProcess
from tests.support.containers import docker_answers
from tests.support.kafka_broker.broker import Broker
from tests.support.kafka_broker.fixtures import IMAGE
from tests.support.kafka_broker.jars import NoKafkaError

CLICKHOUSE_IMAGE = "clickhouse/clickhouse-server:26.9"


@contextmanager
def services(folder: Path) -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        if docker_answers():
            from testcontainers.community.clickhouse import ClickHouseContainer  # noqa: PLC0415 - only with an engine
            from testcontainers.kafka import KafkaContainer  # noqa: PLC0415

            kafka = stack.enter_context(KafkaContainer(IMAGE).with_kraft())
            store = stack.enter_context(ClickHouseContainer(CLICKHOUSE_IMAGE, username="outlay", password="outlay"))
            place = f"{store.get_container_host_ip()}:{store.get_exposed_port(8123)}"
            yield {"bootstrap": kafka.get_bootstrap_server(), "store": f"clickhouse://outlay:outlay@{place}"}
            return
        broker = stack.enter_context(Broker.launched(folder / "kafka", quick=False))
        engine = stack.enter_context(ClickHouseProcess.launched(folder / "store"))
        yield {"bootstrap": broker.bootstrap, "store": engine.dsn}


def main(folder: str) -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this says when to stop
    try:
        with services(Path(folder)) as found:
            sys.stdout.write(json.dumps(found) + "\n")
            sys.stdout.flush()
            sys.stdin.read()
    except NoKafkaError as error:
        sys.stdout.write(json.dumps({"error": str(error)}) + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
