"""The late lane: events older than memory wait here until the store told whether it has them; live ones do not.

An answer counts only when it leaves no gap: the loader has passed the first block that memory knows, and said so before
the store was asked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

import numpy as np
import pyarrow as pa
import structlog

from outlay_streams.runtime.kafka_meter.decoding import Decoded
from outlay_streams.runtime.kafka_meter.memory import Memory

_PAUSE = 1.0

_log = structlog.get_logger()


class IdStore(Protocol):
    """Where ids older than memory are found."""

    def find_ids(self, hashes: pa.Array, /) -> pa.Table:
        """Return `id_hash`, `content_hash` of those identities (uint64) that the ledger holds; raise `StoreError`."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What the store knows of the ids asked for, and up to which block of each partition it had been loaded."""

    found: pa.Table
    loaded: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Ready:
    """Late chunks that can be metered, and what the store knows of their ids (None: memory knows all)."""

    chunks: list[Decoded]
    found: pa.Table | None


class LateLane:
    """Holds late chunks; asks the store in a thread of its own, so that nothing else waits for it."""

    def __init__(self, store: IdStore, loaded: Callable[[], Mapping[int, int]]) -> None:
        """Start empty; `loaded` returns the loader's committed offset of each partition of `spend`."""
        self._store = store
        self._loaded = loaded
        self._held: list[Decoded] = []
        self._asked: Future[Answer] | None = None
        self._not_before = 0.0
        self._complained = False

    def hold(self, chunk: Decoded) -> None:
        """Take a chunk in; what the store was asked before covers it no more."""
        self._held.append(chunk)
        self._asked = None

    @property
    def held(self) -> list[Decoded]:
        """What waits."""
        return self._held

    @property
    def waiting_events(self) -> int:
        """How many events wait."""
        return sum(len(one.batch.rows) for one in self._held)

    def clear(self) -> None:
        """Forget what is held: it will be read again."""
        self._held = []
        self._asked = None

    def ready(self, memories: Mapping[int, Memory]) -> Ready | None:
        """Take out and return what can be metered now; never waits."""
        if not self._held:
            return None
        if not any(self._is_old(one, memories) for one in self._held):
            return self._taken(self._held, None)
        answer = self._answer()
        if answer is None:
            return None
        covered = [
            one
            for one in self._held
            if not self._is_old(one, memories)
            or answer.loaded.get(one.chunk.partition, 0) >= memories[one.chunk.partition].known_from()
        ]
        if not covered:
            self._wait("late_events_wait_for_the_loader", fix="see that the loader runs and the store answers")
            return None
        return self._taken(covered, answer.found)

    def _is_old(self, one: Decoded, memories: Mapping[int, Memory]) -> bool:
        deduper = memories[one.chunk.partition].deduper
        return bool(deduper.needs_lookup(one.batch.usage["time"].to_numpy()).any())

    def _taken(self, chunks: list[Decoded], found: pa.Table | None) -> Ready:
        taken = {id(one) for one in chunks}
        self._held = [one for one in self._held if id(one) not in taken]
        self._complained = False
        return Ready(chunks, found)

    def _answer(self) -> Answer | None:
        if self._asked is None:
            if monotonic() >= self._not_before:
                self._ask()
            return None
        if not self._asked.done():
            return None
        asked, self._asked = self._asked, None
        error = asked.exception()
        if error is not None:
            self._wait("late_events_wait_for_the_store", error=str(error))
            return None
        return asked.result()

    def _wait(self, event: str, **said: str) -> None:
        self._not_before = monotonic() + _PAUSE
        if not self._complained:
            _log.warning(event, events=self.waiting_events, **said)
        self._complained = True

    def _ask(self) -> None:
        hashes = pa.array(np.unique(np.concatenate([one.identities.id_hash for one in self._held])))
        asked: Future[Answer] = Future()
        self._asked = asked

        def look_up() -> None:
            try:
                loaded = self._loaded()
                asked.set_result(Answer(self._store.find_ids(hashes), loaded))
            except Exception as error:  # noqa: BLE001 - handed to whoever asked
                asked.set_exception(error)

        threading.Thread(target=look_up, name="late-ids", daemon=True).start()
