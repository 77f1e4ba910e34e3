"""Gets batches delivered: sends them, puts them on disk while the far end is away, and sends what is on disk.

One thread of its own. It alone waits for the network, so however slow that is, the rest goes on.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from outlay._batches import Batch, Progress
from outlay._retry import Retry
from outlay._spool import Spool
from outlay._stats import Notices, Tally, log
from outlay._transport import Transport

if TYPE_CHECKING:
    from outlay._errors import RefusedError
    from outlay._result import SendResult

QUEUED = 8
"""Batches that may wait in memory for the network; more go to disk."""

POISON = frozenset({400, 413, 422})
"""Answers that blame the body, when they are Outlay's own; every other refusal (key, address, a fault of the server,
the word of a proxy) may pass, so events are kept.
"""

TOO_LARGE = 413
"""Answer that blames the size of the body, whoever gives it: a proxy may take less at once than the server does."""

HELD_SECONDS = 5.0
"""How long to leave alone what other processes hold in the spool."""

AWAY = "away"


class Courier:
    """Delivers what is offered, for as long as it is not stopped."""

    def __init__(
        self,
        transport: Transport,
        spool: Spool | None,
        *,
        batch_events: int,
        progress: Progress,
        tally: Tally,
        notices: Notices,
        retry: Retry,
        clock: Callable[[], float],
    ) -> None:
        """Keep where batches go; `clock` tells monotonic seconds."""
        self._transport, self._spool = transport, spool
        self._batch_events = batch_events
        self._progress, self._tally, self._notices = progress, tally, notices
        self._retry, self._clock = retry, clock
        self._queue: queue.Queue[Batch | None] = queue.Queue(QUEUED)
        self._stop = threading.Event()
        self._failures = 0
        self._quiet_until = 0.0
        self._look_again = 0.0

    def offer(self, batch: Batch) -> None:
        """Take the batch; with the queue full it goes to disk, or without a disk waits for room in the queue."""
        if self._queued(batch, wait=0.0) or self._spooled(batch):
            return
        while not self._stop.is_set() and not self._queued(batch, wait=0.1):
            pass

    def stop(self) -> None:
        """Take up nothing new; what is on its way may still arrive."""
        self._stop.set()
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            log.debug("the courier is busy; it sees that it is to stop once it is not")

    def rescue(self) -> None:
        """Put all that has not arrived on disk, and count as dropped what finds no room there.

        A batch that arrives nevertheless is sent again with the same ids, which counts it once.
        """
        for batch in self._progress.unsettled():
            if not self._spooled(batch) and self._progress.settle(batch):
                self._tally.add(dropped=batch.events)
                self._notices.tell("dropped at exit", "%d event(s) could neither be sent nor kept", batch.events)

    def run(self) -> None:
        """Work until stopped, then let go of the connections."""
        try:
            self._work()
        finally:
            self._transport.close()

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                self._turn(self._next())
            except Exception as error:  # noqa: BLE001 - without this thread nothing would be delivered any more
                self._away(repr(error), None)

    def _next(self) -> Batch | None:
        try:
            return self._queue.get(timeout=self._patience())
        except queue.Empty:
            return None

    def _turn(self, batch: Batch | None) -> None:
        if batch is not None:
            self._deliver(batch)
        if self._spool is not None and not self._stop.is_set() and not self._until_replay():
            self._replay(self._spool)

    def _patience(self) -> float | None:
        """Return how long to wait for a batch: without end, unless something on disk wants to be sent."""
        if self._spool is None or not self._spool.size():
            return None
        return self._until_replay()

    def _until_replay(self) -> float:
        return max(0.0, min(max(self._quiet_until, self._look_again) - self._clock(), threading.TIMEOUT_MAX))

    def _queued(self, batch: Batch, *, wait: float) -> bool:
        try:
            self._queue.put(batch, block=wait > 0, timeout=wait or None)
        except queue.Full:
            return False
        return True

    def _deliver(self, batch: Batch) -> None:
        if self._spool is not None and self._clock() < self._quiet_until and self._spooled(batch):
            return
        while not self._stop.is_set():
            if self._sent(batch.body, batch.events):
                self._progress.settle(batch)
                return
            if self._spooled(batch):
                return
            self._stop.wait(max(0.0, min(self._quiet_until - self._clock(), threading.TIMEOUT_MAX)))

    def _replay(self, spool: Spool) -> None:
        try:
            with spool.oldest() as segment:
                if segment is None:
                    self._look_again = self._clock() + HELD_SECONDS
                    return
                if segment.damaged:
                    self._notices.tell("damaged", "%d line(s) in %s were cut short", segment.damaged, spool.folder)
                self._send_all(segment.lines)
        except _StillAwayError:
            return
        except OSError as error:
            self._away(f"the spool in {spool.folder} cannot be read: {error}", None)

    def _send_all(self, lines: list[bytes]) -> None:
        for start in range(0, len(lines), self._batch_events):
            some = lines[start : start + self._batch_events]
            if not self._sent(b"\n".join(some), len(some), replayed=True):
                raise _StillAwayError

    def _spooled(self, batch: Batch) -> bool:
        if self._spool is None or not self._spool.append(batch.body):
            return False
        self._look_again = 0.0
        if self._progress.settle(batch):
            self._tally.add(spooled=batch.events)
        return True

    def _sent(self, body: bytes, events: int, *, replayed: bool = False) -> bool:
        """Send the body and say whether all is settled; False when the far end is away, and when to come back is set.

        A body the server finds fault with is halved until what is wrong stands alone. Only the server's own word costs
        an event.
        """
        from outlay._errors import RefusedError, UndeliveredError  # noqa: PLC0415 - the SDK is imported without httpx

        try:
            self._count(self._transport.send(body, events), replayed=replayed)
        except UndeliveredError as failure:
            return self._away(str(failure), failure.retry_after)
        except RefusedError as refusal:
            blamed = refusal.status in POISON and _is_outlays(refusal)
            if events > 1 and (blamed or refusal.status == TOO_LARGE):
                lines = body.splitlines()
                halves = (lines[: events // 2], lines[events // 2 :])
                return all(self._sent(b"\n".join(half), len(half), replayed=replayed) for half in halves)
            if not blamed:
                return self._away(str(refusal), None)
            self._tally.add(refused=0 if replayed else 1)
            self._notices.tell(f"refused {refusal.status}", "the server refused an event: %s", refusal)
        except Exception as error:  # noqa: BLE001 - whatever the far end answers must not end the thread
            return self._away(f"the server's answer cannot be read: {error!r}", None)
        self._back()
        return True

    def _away(self, trouble: str, asked: float | None) -> bool:
        self._failures += 1
        self._quiet_until = self._clock() + self._retry.wait(self._failures, asked)
        kept = "kept in memory" if self._spool is None else f"kept in {self._spool.folder}"
        self._notices.tell(AWAY, "usage cannot be delivered (%s); events are %s", trouble, kept)
        return False

    def _back(self) -> None:
        self._failures, self._quiet_until = 0, 0.0
        if self._notices.over(AWAY):
            log.warning("usage is delivered again")

    def _count(self, result: SendResult, *, replayed: bool) -> None:
        for _, outcome in result.refused():
            where = f"{outcome.pointer}: " if outcome.pointer else ""
            kind = f"{outcome.verdict} {outcome.pointer}"
            self._notices.tell(kind, "an event was not counted (%s): %s%s", outcome.verdict, where, outcome.reason)
        if replayed:
            self._tally.add(replayed=len(result))
        else:
            refused = result.conflict + result.rejected
            self._tally.add(accepted=result.accepted, duplicate=result.duplicate, refused=refused)


def _is_outlays(refusal: RefusedError) -> bool:
    """Return whether the refusal is an Outlay server's own, and not a proxy's or of something else at the address."""
    return str(refusal.problem.get("type", "")).startswith("urn:outlay:problem:")


class _StillAwayError(Exception):
    """The far end is away again; the file stays."""
