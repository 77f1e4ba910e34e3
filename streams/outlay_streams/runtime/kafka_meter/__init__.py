"""The meter of a cluster: usage events from Kafka become blocks of spend entries in Kafka, each counted once.

What it promises rests on four things. Records out and offsets in are one transaction, and the offsets count only for
the generation of the group that read them, so a meter that lost its partitions commits nothing. A meter takes
partitions over only once no open transaction can change them any more, and rebuilds their ids from the committed
blocks. Nothing is remembered before it is committed. Cells carry the mark of their block, so those sent twice change
nothing.

A process has one transactional id. With a name of its own (`meter.instance`) it is the same after a restart: what it
left open is ended at once, its partitions stay with it, and a second process of that name fences the first. Without a
name each start takes a new one, and the brokers end what was left open after `meter.transaction_seconds`.
"""

from outlay_streams.runtime.kafka_meter.errors import Fenced, MeterError, Poisoned, UnevenTopics, Unmeterable
from outlay_streams.runtime.kafka_meter.running import GROUP, run_meter

__all__ = ["GROUP", "Fenced", "MeterError", "Poisoned", "UnevenTopics", "Unmeterable", "run_meter"]
