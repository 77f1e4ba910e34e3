"""What a topic holds, read to its present end."""

from __future__ import annotations

from confluent_kafka import Consumer, Message, TopicPartition

from outlay_infra.kafka import consumer_config
from outlay_infra.settings import KafkaSettings

_SECONDS = 30.0


def read_all(settings: KafkaSettings, topic: str) -> list[Message]:
    """Return the committed records of `topic` (its whole name), partition by partition, in order of offset."""
    consumer = Consumer(consumer_config(settings, "reading", enable_partition_eof=True))
    try:
        partitions = consumer.list_topics(topic, timeout=_SECONDS).topics[topic].partitions
        consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
        found: list[Message] = []
        open_partitions = set(partitions)
        while open_partitions:
            message = consumer.poll(_SECONDS)
            assert message is not None, f"{topic} was not read to its end within {_SECONDS} s"
            error = message.error()
            if error is None:
                found.append(message)
            else:
                assert error.code() == error._PARTITION_EOF, error
                open_partitions.discard(message.partition())
        return sorted(found, key=lambda message: (message.partition(), message.offset()))
    finally:
        consumer.close()
