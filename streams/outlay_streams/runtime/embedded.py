"""The embedded runtime: intake, core and store in one process, one writer thread, group commit, back pressure."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog

from outlay_infra.errors import StoreError
from outlay_schemas.outcome import Outcome
from outlay_streams.decode import Decoded
from outlay_streams.dedupe import Deduper
from outlay_streams.runtime.committer import PREFIX, Committer, Result
from outlay_streams.runtime.errors import NotTheWriter, Stopped
from outlay_streams.runtime.ports import Clock, Ledger, OrgRules
from outlay_streams.runtime.queue import IntakeQueue, Job, QueueLimits
from outlay_streams.runtime.stats import RuntimeStats

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_RETRY = 30.0
_SETTLE_EVERY = 1.0
"""How often a store that failed is asked again while nothing is sent, in seconds."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """How many ids are remembered to tell duplicates, and for how long; older ones are looked up in the store."""

    ids: int = 10_000_000
    horizon: timedelta = timedelta(days=30)


def _always() -> bool:
    return True


_LIMITS = QueueLimits()
_MEMORY = Memory()


class EmbeddedRuntime:
    """Takes decoded batches from any task or thread and counts them durably, many batches a block.

    Hold a `WriterLock` on the data directory from before the store is opened until after `stop`, and a `Lease` on the
    store; pass the lease's generation, and its `may_write`, which is asked before each block.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        clock: Clock,
        rules: Callable[[str], OrgRules],
        generation: int,
        limits: QueueLimits = _LIMITS,
        memory: Memory = _MEMORY,
        may_write: Callable[[], bool] = _always,
    ) -> None:
        """Mend what a crash left, rebuild the memory of ids from the ledger, and start writing.

        `rules` gives the rules of an org on first use. Raises `StoreError`.
        """
        for line in ledger.recover(PREFIX):
            _log.info("recovered", what=line)
        now = clock.now()
        recent = ledger.recent_ids(_EPOCH, memory.ids)
        deduper = Deduper.rebuilt(recent, now=now, horizon=memory.horizon, most=memory.ids)
        self._load_rules = rules
        self._rules: dict[str, OrgRules] = {}
        self._rules_changing = threading.Lock()
        self._may_write = may_write
        self._limits = limits
        self._queue = IntakeQueue(limits)
        self._committer = Committer(
            ledger=ledger, clock=clock, rules=self._rules_of, deduper=deduper, generation=generation
        )
        self._turn, self._storing = threading.Lock(), threading.Lock()
        self._writer = threading.Thread(target=self._write, name="ledger-writer", daemon=True)
        self._writer.start()

    async def publish(self, org: str, decoded: Decoded, /) -> list[Outcome]:
        """Return the outcome of every event, in the order sent, once all are durable.

        Raises `Busy`, `Stopped` or `NotTheWriter` when nothing was taken in, `StoreError` or `NotCounted` when it could
        not be made durable; a retry with the same ids is safe after each of them.
        """
        if not decoded.outcomes:
            return []
        job = self._queue.put(org, decoded, retry_after=self._retry_after())
        return await asyncio.wrap_future(job.answer)

    def set_rules(self, rules: Mapping[str, OrgRules]) -> None:
        """Use `rules` for these orgs from the next block on."""
        with self._rules_changing:
            self._rules = {**self._rules, **rules}

    @contextmanager
    def between_blocks(self) -> Iterator[None]:
        """Hold the writer while the context is open, with every block before it stored whole or not at all.

        Blocks after it are metered by the rules set until then. Raises `StoreError` while the store cannot say what
        became of a block, and `NotTheWriter` once another process may write.
        """
        with self._turn, self._storing:  # the writer waits for its turn, so that it cannot overtake for ever
            if not self._may_write():
                raise _not_the_writer()
            self._committer.settle()
            yield

    @property
    def alive(self) -> bool:
        """Whether events can still be counted: the writer runs."""
        return self._writer.is_alive()

    def stats(self) -> RuntimeStats:
        """Return what was done so far and what waits."""
        return replace(
            self._committer.stats,
            queued_events=self._queue.events,
            queued_bytes=self._queue.nbytes,
            unsettled=self._committer.unsettled,
        )

    def stop(self, deadline: float) -> bool:
        """Take nothing more and write what waits; return whether all of it was written within `deadline` seconds.

        What was not is answered with `Stopped`. Blocks: call it in a thread from asynchronous code.
        """
        self._queue.close()
        self._writer.join(deadline)
        return self._refuse_what_waits() == 0 and not self.alive

    def _refuse_what_waits(self) -> int:
        left = self._queue.clear()
        for job in left:
            _fail(job, Stopped("the server stopped before the events were written; send the same events again"))
        return len(left)

    def _rules_of(self, org: str) -> OrgRules:
        rules = self._rules.get(org)
        if rules is None:
            rules = self._load_rules(org)
            with self._rules_changing:
                self._rules = {org: rules, **self._rules}
                rules = self._rules[org]
        return rules

    def _retry_after(self) -> float:
        """Estimate how long the queue takes to empty, in whole seconds."""
        groups = self._queue.events / self._limits.group_events
        return min(_LONGEST_RETRY, max(1.0, math.ceil(groups * self._committer.stats.last_block_seconds)))

    @contextmanager
    def _next_turn(self) -> Iterator[None]:
        with self._turn:
            self._storing.acquire()
        try:
            yield
        finally:
            self._storing.release()

    def _write(self) -> None:
        try:
            self._write_until_closed()
        finally:  # whatever ended it, nobody waits for a writer that is gone
            self._queue.close()
            self._refuse_what_waits()

    def _write_until_closed(self) -> None:
        while True:
            if self._committer.begun and not self._queue.events:
                self._settle()
            group = self._queue.take(_SETTLE_EVERY if self._committer.unsettled else None)
            jobs = [job for job in group if job.answer.set_running_or_notify_cancel()]
            if jobs:
                self._commit(jobs)
            elif not group:
                self._settle()
                if self._queue.closed:
                    return

    def _commit(self, jobs: list[Job]) -> None:
        try:
            with self._next_turn():
                results = self._results(jobs)
        except BaseException:  # ends the writer; what became of the events is found out at the next start
            for job in jobs:
                if not job.answer.done():
                    job.answer.set_exception(Stopped("the writer ended; send the same events again once it is back"))
            raise
        _answer(jobs, results)

    def _results(self, jobs: list[Job]) -> list[Result]:
        if not self._may_write():
            return [_not_the_writer() for _ in jobs]
        batches = [(job.org, job.decoded) for job in jobs]

        def early(results: list[Result]) -> bool:
            _answer(jobs, results)
            return self._queue.events > 0

        return self._committer.commit(batches, early)

    def _settle(self) -> None:
        try:
            with self._next_turn():
                if self._may_write():
                    self._committer.settle()
        except StoreError as error:
            _log.warning("store_still_away", error=str(error))
        except Exception:  # noqa: BLE001 - the writer outlives any fault
            _log.exception("block_not_settled")


def _answer(jobs: list[Job], results: list[Result]) -> None:
    """Answer every job that was not answered before."""
    for job, result in zip(jobs, results, strict=True):
        if job.answer.done():
            continue
        if isinstance(result, Exception):
            job.answer.set_exception(result)
        else:
            job.answer.set_result(result)


def _not_the_writer() -> NotTheWriter:
    return NotTheWriter("this server may not write to the store: another one does, or the store does not answer")


def _fail(job: Job, error: Exception) -> None:
    if job.answer.set_running_or_notify_cancel():
        job.answer.set_exception(error)
