"""Intake by Kafka: accepted events go to `usage`, refused ones to `usage.rejected`; answered once the brokers have all.

Whether an event repeats another is for the meter to tell, so every valid event is accepted here.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta

import structlog

from outlay_infra.kafka.delivery import BatchProducer, DeliveryStats, InFlightFull, ProducerStopped
from outlay_infra.kafka.errors import BrokerError
from outlay_infra.kafka.rejects import rejected_over_http
from outlay_infra.kafka.usage_records import UsageEncoder, records
from outlay_schemas.outcome import ACCEPTED, Outcome
from outlay_schemas.topics import Topics
from outlay_streams.decode import Decoded
from outlay_streams.runtime.errors import Busy, NotAcknowledged, Stopped
from outlay_streams.runtime.ports import Clock

_INLINE_EVENTS = 200
"""Batches up to this size are written at once; larger ones in a thread, so that other requests are not held up."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_ENCODER = UsageEncoder()

_log = structlog.get_logger()


class KafkaPublisher:
    """Publishes decoded batches from any task or thread; the records carry the clock's time, never the events'."""

    def __init__(
        self, producer: BatchProducer, *, topics: Topics, clock: Clock, encoder: UsageEncoder = _ENCODER
    ) -> None:
        """Publish through `producer`, which `stop` stops."""
        self._producer = producer
        self._topics = topics
        self._clock = clock
        self._encoder = encoder

    async def publish(self, org: str, decoded: Decoded, /) -> list[Outcome]:
        """Return the outcome of every event, in the order sent, once all are durable.

        Raises `Busy` or `Stopped` when nothing was sent, `NotAcknowledged` when the brokers did not acknowledge every
        event in time; a retry with the same ids is safe after each of them.
        """
        if not decoded.outcomes:
            return []
        try:
            if len(decoded.outcomes) <= _INLINE_EVENTS:
                promise = self._send(org, decoded)
            else:
                promise = await asyncio.to_thread(self._send, org, decoded)
            await asyncio.wrap_future(promise)
        except InFlightFull as full:
            raise Busy(full.retry_after) from None
        except ProducerStopped:
            raise Stopped("the server is stopping; send the same events again once it is back") from None
        except BrokerError as error:
            _log.warning("not_acknowledged", org=org, events=len(decoded.outcomes), error=str(error))
            raise NotAcknowledged(
                "the events are not known to be durable; send the same events, with the same ids, again"
            ) from error
        return [ACCEPTED if outcome is None else outcome for outcome in decoded.outcomes]

    def stats(self) -> DeliveryStats:
        """Return what was sent so far and what waits."""
        return self._producer.stats()

    def stop(self, deadline: float) -> bool:
        """Take nothing more and write what waits; return whether all of it was written within `deadline` seconds.

        What was not is answered with `NotAcknowledged`. Blocks: call it in a thread from asynchronous code.
        """
        return self._producer.stop(deadline)

    def _send(self, org: str, decoded: Decoded) -> Future[None]:
        now = self._clock.now()
        usage = records(decoded.usage, self._encoder, org=org)
        refused = list(rejected_over_http(decoded.rejects, time=now))
        parts = [(self._topics.usage.name, usage), (self._topics.usage_rejected.name, refused)]
        return self._producer.send(parts, timestamp=(now - _EPOCH) // _MS)
