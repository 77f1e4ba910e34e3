"""One writer a store: a claim with a number that rises, kept alive by a sign of life every few seconds.

The number is the upper half of every block offset. Ages are told by the store's clock, so hosts need not agree on the
time. A claim is first written and then compared with the others: of two at the same moment at most one stands.
"""

from __future__ import annotations

import math
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol, Self

import pyarrow as pa
import structlog

from outlay_infra.errors import StoreError, StoreInUse

BEAT_SECONDS = 5.0
"""Between two signs of life."""
TRUSTED_SECONDS = 10.0
"""How long after its last sign of life a writer still writes: well before anybody may take over."""
EXPIRES_SECONDS = 15
"""How long after its last sign of life a writer counts as gone."""

_TRIES = 8
_PREFIX = "embedded/"
_GENERATION_BITS = 32
_ROWS = pa.schema(
    [
        pa.field("generation", pa.uint64()),
        pa.field("owner", pa.string()),
        pa.field("host", pa.string()),
        pa.field("pid", pa.uint32()),
        pa.field("folder", pa.string()),
        pa.field("released", pa.bool_()),
        pa.field("withdrawn", pa.bool_()),
    ]
)
_NEWEST = "SELECT max(generation) AS newest FROM writers"
_SUCCESSORS = """
SELECT count() AS n FROM (
    SELECT generation, owner FROM writers WHERE generation > {generation:UInt64}
    GROUP BY generation, owner HAVING NOT max(withdrawn)
)
"""
_OWNERS = "SELECT DISTINCT owner FROM writers WHERE generation = {generation:UInt64}"
_OTHERS = """
SELECT host, pid FROM writers
WHERE owner != {owner:String} AND NOT (folder = {folder:String} AND host = {host:String})
GROUP BY generation, owner, host, pid
HAVING NOT max(released) AND dateDiff('millisecond', max(at), now64(3)) < {expires:UInt32}
"""

_log = structlog.get_logger("outlay.lease")


class Store(Protocol):
    """What a lease needs of the warehouse."""

    def query(self, sql: str, params: Mapping[str, Any] = ..., /) -> pa.Table:
        """Return the rows of a SELECT; `{name:Type}` takes a parameter."""
        ...

    def insert(self, table: str, rows: pa.Table, /, *, token: str | None = None) -> None:
        """Append rows at once, unless rows went in under the same `token` before."""
        ...

    def last_offset(self, partition_prefix: str, /) -> int | None:
        """Return the highest block offset of the partitions that start so."""
        ...


def elapsed() -> float:
    """Return seconds since some moment; where the system can tell, those it slept count."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Lease:
    """The right to write to a store while `may_write` says so; made by `claim`."""

    def __init__(self, store: Store, folder: str, elapsed: Callable[[], float]) -> None:
        self._store = store
        self._elapsed = elapsed
        self._self = {"owner": uuid.uuid4().hex, "host": socket.gethostname(), "pid": os.getpid(), "folder": folder}
        self._trusted_until = -math.inf
        self._released = False
        self.generation = 0

    @classmethod
    def claim(cls, store: Store, *, folder: str, at_least: int = 0, elapsed: Callable[[], float] = elapsed) -> Self:
        """Become the one writer, under a generation above every earlier one and above `at_least`.

        `folder` identifies the locked data folder: who held it on this host has ended, so its claim ends at once.
        Raises `StoreInUse` while another writer shows signs of life.
        """
        lease = cls(store, folder, elapsed)
        floor = max(at_least, (store.last_offset(_PREFIX) or 0) >> _GENERATION_BITS)
        for _ in range(_TRIES):
            lease._refuse_beside_others()
            floor = max(floor, int(store.query(_NEWEST)["newest"][0].as_py())) + 1
            if lease._take(floor):
                return lease
        raise StoreInUse("no generation is free in this store, for others start all the time; stop them, start again")

    def may_write(self) -> bool:
        """Whether nobody else can have taken over; asks no store."""
        return not self._released and self._elapsed() < self._trusted_until

    def beat(self) -> None:
        """Show a sign of life, unless a newer writer stands, which ends this lease. Raises `StoreError`."""
        started = self._elapsed()
        if not self._succeeded():
            self._write()
            if not self._succeeded():  # it could not see the sign of life: then it is seen here
                self._trusted_until = started + TRUSTED_SECONDS
                return
        if self.may_write():
            _log.error("writer_superseded", generation=self.generation, fix="stop this server or the other one")
        self._trusted_until = -math.inf

    def release(self) -> None:
        """Stop writing and let another begin at once. Raises `StoreError`; the claim then expires by itself."""
        self._released = True
        self._write()

    @contextmanager
    def kept(self) -> Iterator[Self]:
        """Show signs of life from a thread while the context is open, then release."""
        stop = threading.Event()

        def loop() -> None:
            while not stop.wait(BEAT_SECONDS):
                self._try(self.beat)

        thread = threading.Thread(target=loop, name="lease", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            stop.set()
            thread.join()
            self._try(self.release)

    def _try(self, step: Callable[[], None]) -> None:
        try:
            step()
        except StoreError as error:
            _log.warning("no_sign_of_life", error=str(error), generation=self.generation)

    def _take(self, generation: int) -> bool:
        """Return whether the generation is ours; raise when another writer came at the same moment."""
        self.generation = generation
        started = self._elapsed()
        self._write(token=f"writer/{generation}")
        owners = self._store.query(_OWNERS, {"generation": generation})["owner"].to_pylist()
        if self._self["owner"] not in owners:
            return False  # another's, or a crash spent the token
        try:
            self._refuse_beside_others()
        except StoreInUse:
            self._released = True
            self._write(withdrawn=True)
            raise
        self._trusted_until = started + TRUSTED_SECONDS
        return True

    def _write(self, *, withdrawn: bool = False, token: str | None = None) -> None:
        row = {**self._self, "generation": self.generation, "released": self._released, "withdrawn": withdrawn}
        self._store.insert("writers", pa.Table.from_pylist([row], _ROWS), token=token)

    def _succeeded(self) -> bool:
        return bool(self._store.query(_SUCCESSORS, {"generation": self.generation})["n"][0].as_py())

    def _refuse_beside_others(self) -> None:
        others = self._store.query(_OTHERS, {**self._self, "expires": EXPIRES_SECONDS * 1000}).to_pylist()
        if others:
            raise StoreInUse(
                f"process {others[0]['pid']} on {others[0]['host']} writes to this store; stop it (after a kill wait "
                f"{EXPIRES_SECONDS} s), or run several writers through Kafka: outlay run"
            )
