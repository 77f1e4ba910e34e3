"""For tests of code that tracks usage: what would have been sent, and nothing sent.

>>> with outlay.testing.capture() as usage:  # doctest: +SKIP
...     answer("How do I reset my password?")
>>> assert usage.events[0].team == "support"  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from outlay._recorder import Recorder
from outlay._sdk import PROCESS
from outlay._settings import SdkSettings
from outlay._stats import Stats
from outlay._transport import MemoryTransport
from outlay_schemas.usage import UsageEvent

__all__ = ["Captured", "capture"]

_PATIENCE = 30.0


class Captured:
    """What was tracked so far."""

    def __init__(self, recorder: Recorder, transport: MemoryTransport) -> None:
        """Look into the recorder and its transport."""
        self._recorder, self._transport = recorder, transport

    @property
    def events(self) -> list[UsageEvent]:
        """The usage events, in the order tracked; raises `AssertionError` when something tracked is not one."""
        self._recorder.flush(_PATIENCE)
        invalid = self._recorder.stats().invalid
        assert not invalid, f"{invalid} event(s) are not valid; the log of 'outlay' says why"  # noqa: S101
        return [UsageEvent.model_validate_json(line) for line in self._transport.lines]

    @property
    def stats(self) -> Stats:
        """What became of everything tracked."""
        self._recorder.flush(_PATIENCE)
        return self._recorder.stats()


@contextmanager
def capture(**labels: str) -> Iterator[Captured]:
    """Keep in memory what this process tracks inside the block, whatever `init` said, and let it be looked at.

    `labels` are what `init` would have been given: `app`, `team`, ...
    """
    transport = MemoryTransport()
    settings = SdkSettings(mode="test", labels=labels, interval=0.001, buffer_events=1_000_000)
    recorder = Recorder(settings, transport)
    before = PROCESS.put(recorder)
    try:
        yield Captured(recorder, transport)
    finally:
        PROCESS.put(before)
        recorder.close(_PATIENCE)
