"""The one writer of a partition: groups of batches in, durable blocks and outcomes out. Runs in one thread.

A block that the store did not confirm may be stored, in part or not at all, or be stored yet when nobody asks any more.
So nothing else is counted until it is stored whole, or was refused for certain. Ids are remembered once they are
durable, never before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from time import perf_counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import structlog

from outlay_infra.errors import QueryError, StoreError, StoreFull, StoreReadOnly, StoreUnavailable
from outlay_schemas.block import Block
from outlay_schemas.outcome import ACCEPTED, DUPLICATE, Outcome, Verdict
from outlay_schemas.prices import WITHOUT_RECORD
from outlay_streams.decode import Decoded
from outlay_streams.dedupe import Deduper
from outlay_streams.identity import Identities, identify
from outlay_streams.refusals import CONFLICT_REASON
from outlay_streams.runtime.errors import NotCounted
from outlay_streams.runtime.isolation import INTERNAL_ERROR
from outlay_streams.runtime.metering import ISOLATED, Codes, Group
from outlay_streams.runtime.ports import Clock, Ledger, OrgRules
from outlay_streams.runtime.stats import RuntimeStats
from outlay_streams.verdicts import CONFLICT

PARTITION = "embedded/0"
PREFIX = "embedded/"

_BY_CODE = (ACCEPTED, DUPLICATE)

Batch = tuple[str, Decoded]
"""An org and what it sent."""
Result = list[Outcome] | Exception
"""The outcomes of a batch, or why none of it was acknowledged (a retry is safe)."""
Tell = Callable[[list[Result]], bool]
"""Hears the results of all batches of a block, and returns whether more batches wait already."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Open:
    """Blocks whose fate the store has to tell; `lost` when it gave no answer, so that they may still be stored."""

    blocks: Sequence[Block]
    lost: bool
    ids: pa.Table
    """Those of the blocks' ids that are not remembered yet."""


def _nobody(_: list[Result]) -> bool:
    """Nobody waits."""
    return False


class Committer:
    """Counts batches into the ledger. Offsets are the generation and a sequence, so each names one content only."""

    def __init__(
        self, *, ledger: Ledger, clock: Clock, rules: Callable[[str], OrgRules], deduper: Deduper, generation: int
    ) -> None:
        """Take over the partition; `rules` returns an org's rules as they are now."""
        self._ledger = ledger
        self._clock = clock
        self._rules = rules
        self._deduper = deduper
        self._next_offset = generation << 32
        self._begun: list[Block] = []
        self._open: _Open | None = None
        self._saved_prices: set[str] = set()
        self._last_received = clock.now()
        self.stats = RuntimeStats()

    def commit(self, batches: Sequence[Batch], early: Tell = _nobody) -> list[Result]:
        """Count `batches` as one block and return the result of each; never raises.

        `early` hears the results sooner where the events are durable before the block is stored everywhere; if more
        batches wait then, call this again at once, or `settle`, for the rest may be stored with theirs. A batch that
        the store refuses for what it holds is tried alone, so that it fails alone.
        """
        started = perf_counter()
        told: list[Result] = []

        def tell(results: list[Result]) -> bool:
            told.extend(results)
            return early(results)

        try:
            self._mend()
            results = self._counted(batches, tell)
        except NotCounted as error:
            if len(batches) > 1 and not told:
                return [result for batch in batches for result in self.commit([batch])]
            results = [error]
        except Exception as error:  # noqa: BLE001 - a fault in one group must not end the process
            results = [_why_not(error, batches)] * len(batches)
        self._note(told or results, perf_counter() - started)
        return told or results

    @property
    def unsettled(self) -> bool:
        """Whether the store failed and left it open what became of blocks; `settle` finds out."""
        return self._open is not None

    @property
    def begun(self) -> bool:
        """Whether the rest of blocks that were answered is yet to be stored; `settle` does it."""
        return bool(self._begun)

    def settle(self) -> None:
        """Have the store hold every block so far wholly or not at all. Raises `StoreError` while it is away."""
        self._mend()
        if self._begun:
            try:
                self._ledger.complete_blocks()
            except Exception as error:
                self._leave_open(error, self._begun[-1].ids.slice(0, 0))
                raise
            self._begun.clear()

    def _mend(self) -> None:
        """Have the store complete the blocks it did not confirm, and remember what it holds of them.

        A block that it refused is completed as far as it was stored, and the rest may be sent again; one that it gave
        no answer to is stored now, as it may have been or may be yet. Nothing else is counted before that.
        """
        if self._open is None:
            return
        ids = self._open.ids
        if not (self._open.lost and self._finished(self._open.blocks)):
            self._open = replace(self._open, lost=False)
            for line in self._ledger.recover(PREFIX):
                _log.info("recovered", what=line)
            ids = self._ledger.find_ids(ids["id_hash"].combine_chunks()) if ids.num_rows else ids
        self._remember(ids)
        self._open = None

    def _finished(self, blocks: Sequence[Block]) -> bool:
        """Return whether the blocks are stored now, which they are not if the store refuses them after all."""
        try:
            self._ledger.finish_blocks(blocks)
        except (StoreUnavailable, StoreFull, StoreReadOnly):
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with them, the others go on
            _log.warning("blocks_refused", tokens=[block.token for block in blocks], error=str(error))
            return False
        return True

    def _leave_open(self, error: Exception, ids: pa.Table) -> None:
        self._open = _Open(tuple(self._begun), lost=isinstance(error, StoreUnavailable), ids=ids)
        self._begun.clear()

    def _counted(self, batches: Sequence[Batch], tell: Tell) -> list[Result]:
        rules = {org: self._rules(org) for org in {org for org, _ in batches}}
        codes, block = self._group(batches, rules).metered()
        self._save_prices(block, rules)
        results = list(_results(batches, codes))
        self._store(block, lambda: tell(results))
        return results

    def _group(self, batches: Sequence[Batch], rules: dict[str, OrgRules]) -> Group:
        usage = pa.concat_tables([decoded.usage for _, decoded in batches]).combine_chunks()
        identities = identify(usage)
        looked_up = self._look_up(usage, identities)
        received, offset = self._stamp()
        return Group(
            usage=usage,
            rejects=pa.concat_tables([decoded.rejects for _, decoded in batches]),
            identities=identities,
            judge=lambda some: self._deduper.judge(some, looked_up),
            rules=rules,
            received=received,
            partition=PARTITION,
            offset=offset,
        )

    def _stamp(self) -> tuple[datetime, int]:
        now = self._clock.now()
        self._last_received = max(self._last_received, now.replace(microsecond=now.microsecond // 1000 * 1000))
        offset, self._next_offset = self._next_offset, self._next_offset + 1
        return self._last_received, offset

    def _look_up(self, usage: pa.Table, identities: Identities) -> pa.Table | None:
        old = self._deduper.needs_lookup(usage["time"].to_numpy())
        if not old.any():
            return None
        self.stats = replace(self.stats, looked_up=self.stats.looked_up + int(old.sum()))
        return self._ledger.find_ids(pa.array(np.unique(identities.id_hash[old])))

    def _save_prices(self, block: Block, rules: dict[str, OrgRules]) -> None:
        pairs = block.entries.select(["org", "price_id"]).group_by(["org", "price_id"]).aggregate([]).to_pylist()
        fresh = {pair["price_id"]: rules[pair["org"]].book for pair in pairs}
        fresh = {name: book for name, book in fresh.items() if name not in self._saved_prices | WITHOUT_RECORD}
        if fresh:
            self._ledger.save_prices([book.record(name) for name, book in fresh.items()])
            self._saved_prices.update(fresh)

    def _store(self, block: Block, durable: Callable[[], bool]) -> None:
        """Make `block` durable, then remember its ids. Raises `StoreError`, or `NotCounted` if the store refuses it."""
        self._begun.append(block)
        try:
            left = self._ledger.insert_block(block, durable=durable)
        except Exception as error:
            self._leave_open(error, block.ids)
            if isinstance(error, StoreError) and not isinstance(error, QueryError):
                raise
            _log.exception("block_refused", token=block.token)
            before = len(self._deduper)
            self._mend()
            if not block.ids.num_rows or len(self._deduper) - before < block.ids.num_rows:
                raise NotCounted(f"the store refused the events: {error}; send them again") from error
        else:
            self._remember(block.ids)
            if not left:
                self._begun.clear()
        unpriced = pc.sum(pc.equal(block.entries["status"], "unpriced")).as_py() or 0
        self.stats = replace(
            self.stats,
            blocks=self.stats.blocks + 1,
            counted=self.stats.counted + block.entries.num_rows,
            unpriced=self.stats.unpriced + unpriced,
        )

    def _remember(self, ids: pa.Table) -> None:
        held = Identities(ids["id_hash"].to_numpy(), ids["content_hash"].to_numpy())
        self._deduper.remember(held, self._last_received)

    def _note(self, results: Sequence[Result], seconds: float) -> None:
        answered = [result for result in results if not isinstance(result, Exception)]
        self.stats = replace(
            self.stats,
            events=self.stats.events + sum(map(len, answered)),
            failed_groups=self.stats.failed_groups + (len(answered) < len(results)),
            remembered_ids=len(self._deduper),
            remembered_bytes=self._deduper.nbytes,
            writing_seconds=self.stats.writing_seconds + seconds,
            last_block_seconds=seconds,
            unsettled=self.unsettled,
        )


def _why_not(error: Exception, batches: Sequence[Batch]) -> Exception:
    if isinstance(error, StoreError):
        _log.warning("block_not_stored", error=str(error), batches=len(batches))
        return error
    _log.exception("group_not_counted", batches=len(batches))
    return NotCounted(f"the events could not be counted: {type(error).__name__}; send them again")


def _results(batches: Sequence[Batch], codes: Codes) -> Iterator[Result]:
    start = 0
    for _, decoded in batches:
        stop = start + decoded.usage.num_rows
        yield _outcomes(decoded, codes[start:stop])
        start = stop


def _outcomes(decoded: Decoded, codes: Codes) -> list[Outcome]:
    outcomes = list(decoded.outcomes)
    for row, (position, code) in enumerate(zip(decoded.positions, codes.tolist(), strict=True)):
        if code in (CONFLICT, ISOLATED):
            name = decoded.usage["id"][row].as_py()
            conflict = Outcome(Verdict.CONFLICT, name, "/id", CONFLICT_REASON)
            outcomes[position] = conflict if code == CONFLICT else Outcome(Verdict.REJECTED, name, "", INTERNAL_ERROR)
        else:
            outcomes[position] = _BY_CODE[code]
    return [outcome for outcome in outcomes if outcome is not None]
