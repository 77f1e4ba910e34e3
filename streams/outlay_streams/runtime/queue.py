"""What waits for the writer: batches in order of arrival, bounded by events and by bytes."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from time import monotonic

from outlay_schemas.outcome import Outcome
from outlay_streams.decode import Decoded
from outlay_streams.runtime.errors import Busy, Stopped


@dataclass(frozen=True, slots=True)
class Job:
    """A decoded batch of one org and the promise of its outcomes."""

    org: str
    decoded: Decoded
    nbytes: int
    queued: float
    """When it arrived, on the monotonic clock, in seconds."""
    answer: Future[list[Outcome]] = field(default_factory=Future)

    @property
    def events(self) -> int:
        """How many events were sent in the batch, refused ones included."""
        return len(self.decoded.outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLimits:
    """What may wait, and how long the writer waits for more to come."""

    events: int = 100_000
    nbytes: int = 256 * 1024 * 1024
    group_events: int = 10_000
    """Most events taken at once; a larger batch is taken alone."""
    linger: float = 0.0
    """Longest wait for a fuller group, in seconds from the arrival of its first batch."""


class IntakeQueue:
    """A bounded queue for many producers and the one writer."""

    def __init__(self, limits: QueueLimits) -> None:
        """Start empty and open."""
        self._limits = limits
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self.events = 0
        self.nbytes = 0

    def put(self, org: str, decoded: Decoded, *, retry_after: float) -> Job:
        """Add a batch, whole; raise `Busy` when it does not fit now and `Stopped` when the queue is closed.

        An empty queue takes any batch, so that none is too large for ever.
        """
        job = Job(org, decoded, decoded.usage.nbytes + decoded.rejects.nbytes, monotonic())
        with self._changed:
            if self._closed:
                raise Stopped("the server is stopping; send the same events again once it is back")
            full = self.events + job.events > self._limits.events or self.nbytes + job.nbytes > self._limits.nbytes
            if full and self._jobs:
                raise Busy(retry_after)
            self._jobs.append(job)
            self.events += job.events
            self.nbytes += job.nbytes
            self._changed.notify()
        return job

    @property
    def closed(self) -> bool:
        """Whether nothing more is taken in."""
        return self._closed

    def take(self, patience: float | None = None) -> list[Job]:
        """Wait for work and return a group of it; nothing after `patience` seconds or when closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closed, patience)
            self._linger()
            group: list[Job] = []
            room = self._limits.group_events
            while self._jobs and (not group or self._jobs[0].events <= room):
                job = self._jobs.popleft()
                room -= job.events
                self.events -= job.events
                self.nbytes -= job.nbytes
                group.append(job)
            return group

    def _linger(self) -> None:
        while self._jobs and not self._closed and self.events < self._limits.group_events:
            left = self._jobs[0].queued + self._limits.linger - monotonic()
            if left <= 0:
                break
            self._changed.wait(left)

    def close(self) -> None:
        """Take nothing more; what waits can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def clear(self) -> list[Job]:
        """Remove and return all that waits."""
        with self._changed:
            jobs = list(self._jobs)
            self._jobs.clear()
            self.events = self.nbytes = 0
            return jobs
