"""Cells as the topic still has them, for what the group's own reading passed over."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import closing
from datetime import UTC, datetime

from confluent_kafka import Message

from outlay_infra.kafka.client import Config
from outlay_streams.runtime.faust_budgets.ports import Received
from outlay_streams.runtime.kafka_meter.spend_log import SpendLog


class CellsTopic:
    """Methods block, and raise `BrokerError`."""

    def __init__(self, config: Config, topic: str) -> None:
        """Read the topic of cells; `config` is that of `consumer_config`. Seldom done, so nothing is kept open."""
        self._config = config
        self._topic = topic

    def first(self, partitions: Collection[int]) -> Mapping[int, int]:
        """Return the offset of the oldest record of each partition, or of the next one where none is kept."""
        if not partitions:
            return {}
        with closing(SpendLog(self._config, self._topic)) as log:
            return {partition: bounds.start for partition, bounds in log.bounds(partitions).items()}

    def read(self, partition: int, start: int, end: int) -> list[Received]:
        """Return the records of `start <= offset < end`, in order."""
        with closing(SpendLog(self._config, self._topic)) as log:
            return [_received(message) for message in log.read(partition, start, end)]


def _received(message: Message) -> Received:
    return Received(
        partition=message.partition(),
        offset=message.offset(),
        org=(message.key() or b"").decode(),
        headers={name: value for name, value in message.headers() or () if value is not None},
        value=message.value() or b"",
        at=datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC),
    )
