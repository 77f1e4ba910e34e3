"""A small pool of client handles: a handle serves one thread at a time, and no query waits for a stream."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import LifoQueue
from typing import Generic, Protocol, TypeVar

from outlay_infra.errors import StoreUnavailable


class Closeable(Protocol):
    """What a pool can hold."""

    def close(self) -> None:
        """Let go of what it holds."""
        ...


Handle = TypeVar("Handle", bound=Closeable)


class Pool(Generic[Handle]):
    """Up to `size` handles, opened when first needed, the warmest lent first."""

    def __init__(self, connect: Callable[[], Handle], *, size: int) -> None:
        self._connect = connect
        self._free: LifoQueue[Handle | None] = LifoQueue()
        self._lock = threading.Lock()
        self._closed = False
        for _ in range(size):
            self._free.put(None)

    @contextmanager
    def lend(self) -> Iterator[Handle]:
        """Lend a handle, waiting while all are lent.

        One that failed is not lent again: chDB puts what a failed query had written before the handle's next answer.
        """
        handle = self._free.get()
        try:
            handle = handle or self._open()
            yield handle
        except Exception:
            if handle is not None:
                handle.close()
                handle = None
            raise
        finally:
            with self._lock:
                if self._closed and handle is not None:
                    handle.close()
                    handle = None
                self._free.put(handle)

    def _open(self) -> Handle:
        if self._closed:
            raise StoreUnavailable("the store was closed; open it again")
        return self._connect()

    def close(self) -> None:
        """Close every handle not lent; a lent one closes when it comes back."""
        with self._lock:
            self._closed = True
            free = [self._free.get_nowait() for _ in range(self._free.qsize())]
            for handle in free:
                if handle is not None:
                    handle.close()
                self._free.put(None)
