"""Takes what was tracked out of memory, makes it events, and hands them on in batches: a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress

from outlay._batches import Marker, Noted, Progress
from outlay._courier import Courier
from outlay._stats import Notices, Tally

BATCH_BYTES = 1024 * 1024
"""Most bytes of events in one request."""

Waiting = deque[Noted | Marker]


class Packer:
    """Empties the deque whenever it is woken, and once more when it is stopped."""

    def __init__(
        self,
        waiting: Waiting,
        courier: Courier,
        *,
        source: str,
        labels: Mapping[str, str],
        batch_events: int,
        interval: float,
        progress: Progress,
        tally: Tally,
        notices: Notices,
        lost: Callable[[], int],
    ) -> None:
        """Keep the ends; `lost` returns how many events found no room since it was last asked."""
        self._woken = False
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.urgent = threading.Event()
        """Set to have no wait for a fuller batch."""
        self._waiting, self._courier = waiting, courier
        self._source, self._labels = source, labels
        self._batch_events, self._interval = batch_events, interval
        self._progress, self._tally, self._notices = progress, tally, notices
        self._lost = lost
        self._stopping = False
        self._lines: list[bytes] = []
        self._bytes = 0

    @property
    def woken(self) -> bool:
        """Whether the deque will be looked at, so that whoever adds to it need not say so."""
        return self._woken

    def wake(self) -> None:
        """Have the deque looked at. Callable from anywhere, a finalizer in the middle of this very call included."""
        if not self._woken:
            self._woken = True
            self._wake.put(None)

    def asleep(self) -> None:
        """Say that there is no thread to run this yet, so that whoever adds to the deque next asks for one again."""
        self._woken = False
        with suppress(queue.Empty):
            self._wake.get_nowait()

    def stop(self) -> None:
        """Have everything packed that is there, and end."""
        self._stopping = True
        self.urgent.set()
        self.wake()

    def run(self) -> None:
        """Work until stopped."""
        while not self._stopping:
            self._wake.get()
            self.urgent.wait(self._interval)
            self.urgent.clear()
            self._woken = False
            self._pack_safely()
        self._pack_safely()

    def _pack_safely(self) -> None:
        try:
            self.pack()
        except Exception as error:  # noqa: BLE001 - without this thread nothing would be delivered any more
            self._notices.tell("packing", "events could not be packed: %r", error)

    def pack(self) -> None:
        """Pack everything that waits now."""
        self._count_lost()
        for _ in range(len(self._waiting)):
            item = self._waiting.popleft()
            if isinstance(item, Marker):
                self._hand_on()
                self._progress.mark(item)
            else:
                self._add(item)
        self._hand_on()

    def _add(self, noted: Noted) -> None:
        self._tally.add(tracked=1)
        from outlay._shape import encoded  # noqa: PLC0415 - the SDK is imported without pydantic

        try:
            line = encoded(noted, source=self._source, labels=self._labels)
        except Exception as error:  # noqa: BLE001 - whatever was tracked must not end the thread
            self._tally.add(invalid=1)
            kind = getattr(error, "kind", type(error).__name__)
            self._notices.tell(f"invalid {kind}", "what was tracked is no usage event (%s)", error)
            return
        self._lines.append(line)
        self._bytes += len(line)
        if len(self._lines) >= self._batch_events or self._bytes >= BATCH_BYTES:
            self._hand_on()

    def _hand_on(self) -> None:
        if self._lines:
            lines, self._lines, self._bytes = self._lines, [], 0
            self._courier.offer(self._progress.begin(b"\n".join(lines), len(lines)))

    def _count_lost(self) -> None:
        if lost := self._lost():
            self._tally.add(tracked=lost, dropped=lost)
            self._notices.tell("dropped", "%d event(s) were dropped, for the buffer was full", lost)
