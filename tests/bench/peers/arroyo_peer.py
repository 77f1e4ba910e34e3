# /// script
# requires-python = ">=3.11,<3.13"
# dependencies = ["sentry-arroyo==2.48.0", "fastavro==1.13.0"]
# ///
"""The work by sentry-arroyo: a task for each message, offsets committed once a second, in one process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arroyo.backends.kafka import KafkaConsumer, KafkaPayload
from arroyo.backends.kafka.configuration import build_kafka_consumer_configuration
from arroyo.commit import ONCE_PER_SECOND
from arroyo.processing import StreamProcessor
from arroyo.processing.strategies import CommitOffsets, ProcessingStrategy, ProcessingStrategyFactory, RunTask
from arroyo.types import Commit, Message, Partition, Topic
from work import Work


class Factory(ProcessingStrategyFactory[KafkaPayload]):
    def __init__(self, work: Work) -> None:
        self._work = work
        self.processor: StreamProcessor[KafkaPayload] | None = None

    def create_with_partitions(
        self, commit: Commit, _partitions: Mapping[Partition, int]
    ) -> ProcessingStrategy[KafkaPayload]:
        def each(message: Message[KafkaPayload]) -> Any:
            self._work(message.payload.value)
            if self._work.done and self.processor is not None:
                self.processor.signal_shutdown()

        return RunTask(each, CommitOffsets(commit))


def main() -> None:
    work = Work.told()
    config = build_kafka_consumer_configuration(
        {}, bootstrap_servers=[work.bootstrap], auto_offset_reset="earliest", group_id="arroyo"
    )
    factory = Factory(work)
    factory.processor = StreamProcessor(KafkaConsumer(config), Topic(work.topic), factory, ONCE_PER_SECOND)
    factory.processor.run()
    work.tell()


main()
