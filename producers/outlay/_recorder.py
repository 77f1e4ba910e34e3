"""Keeps what callers track and has it delivered: a bounded deque, and two threads behind it.

The caller's share is one tuple and one append. One thread makes events of it, the other waits for the network; they
start with the first event, and again in a forked child, which leaves to its parent what the parent tracked.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from outlay._batches import Marker, Noted, Progress
from outlay._courier import Courier
from outlay._packer import Packer, Waiting
from outlay._retry import Retry
from outlay._scope import Labels, labels
from outlay._settings import SdkSettings
from outlay._spool import Spool
from outlay._stats import Notices, Stats, Tally
from outlay._transport import Transport

RETRY = Retry(first=1.0, longest=60.0)
"""How soon to look again for a far end that is away."""

PACKING_SECONDS = 5.0
"""Longest wait, at the end, for what is in memory to become events that disk can hold."""


class Recorder:
    """Everything between `track` and the transport."""

    def __init__(
        self, settings: SdkSettings, transport: Transport, spool: Spool | None = None, *, retry: Retry = RETRY
    ) -> None:
        """Keep the parts; nothing runs before the first event, or before something on disk is found waiting."""
        self.settings = settings
        self._transport, self._spool, self._retry = transport, spool, retry
        self._most = settings.buffer_events
        self._closed = False
        self._begin()
        if spool is not None and spool.size():
            self._wake()

    def note(self, fields: Mapping[str, Any], within: Labels | None = None) -> None:
        """Take the fields of one event, now, in the scope in force or `within` that of before; never blocks."""
        waiting = self._waiting
        if len(waiting) >= self._most:
            with self._lost_lock:
                self._lost += 1
            return
        waiting.append(Noted(time.time(), labels() if within is None else within, fields))
        if not self._packer.woken:
            self._wake()

    def flush(self, timeout: float) -> bool:
        """Wait until all that was tracked before is delivered or on disk, and say whether it is."""
        if self._closed:
            return not self.stats().waiting
        marker = Marker()
        self._waiting.append(marker)
        self._wake()
        self._packer.urgent.set()
        return marker.passed.wait(timeout)

    def close(self, timeout: float) -> bool:
        """Deliver what can be delivered in that time, put the rest on disk, and take nothing more."""
        self._most = 0
        if self._closed or (not self._threads and not self._waiting):
            self._closed = True
            return not self.stats().waiting
        done = self.flush(timeout)
        self._closed = True
        self._packer.stop()
        self._courier.stop()
        if (packing := self._threads.get("pack")) is None:
            self._packer.run()
        else:
            packing.join(timeout=PACKING_SECONDS)
        self._courier.rescue()
        if self._spool is not None:
            self._spool.close()
        if done and (sending := self._threads.get("send")) is not None:
            sending.join(timeout=1.0)
        return done

    def stats(self) -> Stats:
        """Return what became of everything tracked."""
        with self._lost_lock:
            lost = self._lost
        return self._tally.stats(waiting=len(self._waiting), lost=lost)

    def after_fork(self) -> None:
        """Begin anew in a forked child: locks may be held by threads that are not here."""
        self._transport.after_fork()
        if self._spool is not None:
            self._spool.after_fork()
        self._begin()

    def _begin(self) -> None:
        self._waiting: Waiting = Waiting()
        self._threads: dict[str, threading.Thread] = {}
        # Reentrant, for a finalizer that tracks may run in the middle of any of this.
        self._starting, self._started = threading.RLock(), False
        self._lost, self._lost_lock = 0, threading.RLock()
        self._tally, self._notices, progress = Tally(), Notices(), Progress()
        batch_events = self.settings.batch_events
        self._courier = Courier(
            self._transport,
            self._spool,
            batch_events=batch_events,
            progress=progress,
            tally=self._tally,
            notices=self._notices,
            retry=self._retry,
            clock=time.monotonic,
        )
        self._packer = Packer(
            self._waiting,
            self._courier,
            source=self.settings.source,
            labels=self.settings.labels,
            batch_events=batch_events,
            interval=self.settings.interval,
            progress=progress,
            tally=self._tally,
            notices=self._notices,
            lost=self._take_lost,
        )

    def _wake(self) -> None:
        self._packer.wake()
        if not self._started:
            self._start()

    def _start(self) -> None:
        """Start what does not run yet; a system short of threads is asked again with the next event."""
        with self._starting:
            for name, work in (("pack", self._packer.run), ("send", self._courier.run)):
                if name not in self._threads:
                    thread = threading.Thread(target=work, name=f"outlay-{name}", daemon=True)
                    try:
                        thread.start()
                    except RuntimeError as error:
                        if name == "pack":
                            self._packer.asleep()
                        self._notices.tell("threads", "usage is kept and not sent until a thread can start: %s", error)
                        return
                    self._threads[name] = thread
            self._started = True

    def _take_lost(self) -> int:
        with self._lost_lock:
            lost, self._lost = self._lost, 0
        return lost
