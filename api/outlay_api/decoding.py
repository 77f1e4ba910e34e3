"""Where bodies are decoded that would hold up the event loop: one thread, and a bounded wait in front of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from outlay_streams.runtime.errors import Busy

_T = TypeVar("_T")

_BODIES = 256
_RETRY_SECONDS = 1.0


class Decoding:
    """Used by one event loop; the thread ends with the last reference.

    It is one thread, for decoding is all Python: several would only take the interpreter from each other and the
    writer.
    """

    def __init__(self, *, nbytes: int, bodies: int = _BODIES) -> None:
        """Let at most `bodies` of together `nbytes`, as they came, be decoded and wait; one alone may be any size."""
        self._most = (bodies, nbytes)
        self._bodies = self._nbytes = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="decode")

    async def run(self, work: Callable[[], _T], nbytes: int) -> _T:
        """Return what `work` returns on a body of `nbytes`. Raises `Busy` when too much waits already."""
        bodies, most = self._most
        if self._bodies and (self._bodies >= bodies or self._nbytes + nbytes > most):
            raise Busy(_RETRY_SECONDS)
        self._bodies += 1
        self._nbytes += nbytes
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._bodies -= 1
            self._nbytes -= nbytes
