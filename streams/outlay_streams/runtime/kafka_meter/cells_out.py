"""Cells of committed blocks, for whoever keeps totals: after the commit, and complete before the next one.

They are written without a transaction, for what reads them keeps its place by offsets without gaps. What a crash keeps
from being written is written by the next meter of the partition; repeats change nothing, for cells carry their mark.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from outlay_infra.kafka.client import Config
from outlay_infra.kafka.errors import BrokerUnavailable, named
from outlay_streams.runtime.kafka_meter.patience import SECONDS
from outlay_streams.wire import Mark, encode_cells


class CellsOut:
    """Writes cells by org, in the order given."""

    def __init__(self, config: Config, topic: str) -> None:
        """Write to `topic`; `config` is that of `producer_config`."""
        self._producer = Producer(config)
        self._topic = topic
        self._error: KafkaError | None = None

    def send(self, cells: pa.Table, mark: Mark) -> None:
        """Send the cells of a committed block. Raises `BrokerError`."""
        for org in pc.unique(cells["org"]).to_pylist():
            value = encode_cells(cells.filter(pc.equal(cells["org"], org)))
            try:
                self._produce(value, org.encode(), mark.headers())
            except KafkaException as error:
                raise named(error, f"writing to {self._topic}") from None
        self._producer.poll(0)

    def flush(self) -> None:
        """Return once all that was sent is written; raise `BrokerError` otherwise: end then, to start anew."""
        if self._producer.flush(SECONDS):
            raise BrokerUnavailable(f"{self._topic} takes no records; is the broker running?")
        if self._error is not None:
            raise named(self._error, f"writing to {self._topic}")

    def _produce(self, value: bytes, key: bytes, headers: list[tuple[str, bytes]]) -> None:
        try:
            self._producer.produce(self._topic, value, key, headers=headers, on_delivery=self._delivered)
        except BufferError:
            self.flush()
            self._producer.produce(self._topic, value, key, headers=headers, on_delivery=self._delivered)

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        self._error = self._error or error
