"""The Faust app of the budgets role: cells in, rows kept in a changelogged table, states out.

Nothing else knows Faust. A row is written to the table's changelog first, and to the local store only once the brokers
have it: a store on disk is never ahead of what another worker would read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import faust
from aiokafka.partitioner import murmur2
from faust.types import TP
from faust.types.tuples import Message
from mode import CrashingSupervisor

from outlay_infra.kafka.client import FaustBroker
from outlay_schemas.topics import Topics
from outlay_streams.runtime.faust_budgets.keys import Keys
from outlay_streams.runtime.faust_budgets.ports import KeyedRows, Received

_REQUEST_SECONDS = 90.0
_COMMIT_SECONDS = 1.0
_AT_ONCE = 500
"""Records handed to the producer before it is given time to send them."""


class Consumer(Protocol):
    """Who makes rows and states of cells."""

    async def given(self, rows: Mapping[int, KeyedRows], /) -> None:
        """Go on with these partitions, and no others, from their rows."""
        ...

    async def taken(self) -> None:
        """Write nothing more: partitions are being given to others, who read again what was not written."""
        ...

    async def receive(self, cells: Received, /) -> None:
        """Take the cells of one block and organisation in; `acknowledge` is called once they are in the rows."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AppOptions:
    """What the app is told."""

    group: str
    """Name of the consumer group and of the app."""
    instance: str | None
    """Name of the member, None for one that has no name after a restart."""
    topics: Topics
    broker: FaustBroker
    folder: Path
    store: str
    """`memory` or `rocksdb`."""
    message_bytes: int
    session_seconds: float


class BudgetsApp:
    """One process of the role. Everything runs in the event loop it was started in."""

    def __init__(self, options: AppOptions, consumer: Consumer) -> None:
        """Prepare; nothing is asked of the brokers yet."""
        topics = options.topics
        self._consumer = consumer
        self.keys = Keys(topics.spend_cells.partitions, self.partition)
        self._cells_name = topics.spend_cells.name
        self._partitions = topics.spend_cells.partitions
        self._app = app = faust.App(options.group, **_conf(options))
        raw = {"key_serializer": "raw", "value_serializer": "raw"}
        self._states = app.topic(topics.budget_state.name, partitions=self._partitions, **raw)
        changelog = app.topic(
            topics.budget_rows.name, partitions=self._partitions, acks=False, internal=True, allow_empty=True, **raw
        )
        self._rows = app.Table(
            "rows", key_type=bytes, value_type=bytes, partitions=self._partitions, changelog_topic=changelog
        )
        self._rows.on_recover(self._recovered)
        app.on_partitions_revoked.connect(self._revoked)
        app.agent(app.topic(self._cells_name, partitions=self._partitions, **raw), name="budgets")(self._consume)

    def partition(self, org: str) -> int:
        """Return the partition that has the cells of an organisation, placed by its name as Java places keys."""
        return int((murmur2(org.encode()) & 0x7FFFFFFF) % self._partitions)

    async def start(self) -> None:
        """Join the group, and return once the rows are recovered."""
        await self._app.start()

    async def stop(self) -> None:
        """Commit what was acknowledged, and leave the group."""
        await self._app.stop()

    def failure(self) -> BaseException | None:
        """Return what ended the app, None while it runs."""
        reason: BaseException | None = self._app.crash_reason
        return reason

    async def keep(self, partition: int, rows: Mapping[bytes, bytes | None]) -> None:
        """Write rows of one partition, None to delete one; return once the brokers have them."""
        topic = self._rows.changelog_topic
        items = list(rows.items())
        sent = await self._sent(topic.send(key=key, value=value, partition=partition) for key, value in items)
        events = [
            self._app.create_event(key, value, None, _message(found.topic_partition, found.offset, key, value))
            for (key, value), found in zip(items, sent, strict=True)
        ]
        self._rows.apply_changelog_batch(events)

    async def publish(self, states: Mapping[bytes, bytes | None]) -> None:
        """Write states, None to delete one; return once the brokers have them."""
        await self._sent(self._states.send(key=key, value=value) for key, value in states.items())

    def acknowledge(self, cells: Received) -> None:
        """Say that a record of cells need not be read again.

        Faust commits no further than the first record it knows no acknowledgement of, so those that it passed over
        need one as well.
        """
        if cells.event is not None:
            cells.event.ack()
        else:
            self._app.consumer.ack(_message(TP(self._cells_name, cells.partition), cells.offset))

    def _assigned(self) -> list[TP]:
        return sorted(tp for tp in self._app.consumer.assignment() if tp.topic == self._cells_name)

    async def _consume(self, stream: Any) -> None:
        async for event in stream.noack().events():
            message = event.message
            received = Received(
                partition=message.partition,
                offset=message.offset,
                org=event.key.decode(),
                headers=event.headers,
                value=event.value,
                at=datetime.fromtimestamp(message.timestamp, UTC),
                event=event,
            )
            await self._consumer.receive(received)

    async def _recovered(self) -> None:
        mine: dict[int, dict[bytes, bytes]] = {tp.partition: {} for tp in self._assigned()}
        for key, value in self._rows.items():
            partition = self.keys.partition(key)
            if partition in mine and value:
                mine[partition][key] = value
        await self._consumer.given(mine)

    async def _revoked(self, *_: Any, **__: Any) -> None:
        await self._consumer.taken()

    async def _sent(self, sending: Iterable[Awaitable[Any]]) -> list[Any]:
        waiting = []
        for number, each in enumerate(sending, 1):
            waiting.append(await each)
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
        return list(await asyncio.gather(*waiting))


def _conf(options: AppOptions) -> dict[str, Any]:
    """Return the settings of the app: nothing of its own on the brokers, and nothing acknowledged but by us."""
    broker, session = options.broker, options.session_seconds
    return {
        "broker": broker.urls,
        "broker_credentials": _credentials(broker),
        "broker_client_id": "outlay-budgets",
        "broker_session_timeout": session,
        "broker_heartbeat_interval": session / 4,
        "broker_rebalance_timeout": 2 * session,
        "broker_request_timeout": max(_REQUEST_SECONDS, 2 * session),
        "broker_commit_interval": _COMMIT_SECONDS,
        "consumer_auto_offset_reset": "earliest",
        "consumer_group_instance_id": options.instance,
        "consumer_max_fetch_size": options.message_bytes,
        "producer_acks": -1,
        "producer_compression_type": "lz4",
        "producer_max_request_size": options.message_bytes,
        "store": f"{options.store}://",
        "datadir": options.folder,
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "topic_partitions": options.topics.spend_cells.partitions,
        "table_standby_replicas": 0,
        "stream_recovery_delay": 0.0,
        "agent_supervisor": CrashingSupervisor,
        "autodiscover": False,
        "web_enabled": False,
    }


def _credentials(broker: FaustBroker) -> faust.SASLCredentials | faust.SSLCredentials | None:
    if broker.user is not None:
        return faust.SASLCredentials(
            username=broker.user,
            password=broker.password,
            mechanism=broker.mechanism,
            ssl_context=broker.ssl_context,
        )
    return None if broker.plain else faust.SSLCredentials(context=broker.ssl_context)


def _message(place: TP, offset: int, key: bytes | None = None, value: bytes | None = None) -> Message:
    """Return a record as it would be read."""
    return Message(
        topic=place.topic,
        partition=place.partition,
        offset=offset,
        timestamp=0.0,
        timestamp_type=0,
        headers=None,
        key=key,
        value=value,
        checksum=None,
    )
