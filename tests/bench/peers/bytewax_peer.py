# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["bytewax==0.21.1", "confluent-kafka==2.6.1", "fastavro==1.13.0"]
# ///
"""The work by bytewax: batches from its Kafka source, one function over each, nothing stateful in between."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, run_main
from work import Work

BATCH = 10_000


def main() -> None:
    work = Work.told()

    def each(messages: list[Any]) -> Iterable[int]:
        for message in messages:
            work(message.value)
        return ()

    flow = Dataflow("peer")
    source = KafkaSource([work.bootstrap], [work.topic], tail=False, batch_size=BATCH)
    done = op.flat_map_batch("work", op.input("usage", flow, source), each)
    op.output("nothing", done, TestingSink([]))
    run_main(flow)
    work.tell()


main()
