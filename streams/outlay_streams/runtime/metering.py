"""A group of events judged and metered; an event that no block can be built with is left out and refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import structlog

from outlay_schemas.block import Block
from outlay_streams.identity import Identities
from outlay_streams.meter import build_block
from outlay_streams.runtime.errors import NotCounted
from outlay_streams.runtime.isolation import MAX_ISOLATED, Rows, culprits, isolated
from outlay_streams.runtime.ports import OrgRules

ISOLATED = -1
"""The code of an event that could not be metered, beside the verdicts."""

Codes = npt.NDArray[np.int8]

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What one block is to be built from. `judge` gives verdicts without remembering anything."""

    usage: pa.Table
    rejects: pa.Table
    identities: Identities
    judge: Callable[[Identities], Codes]
    rules: Mapping[str, OrgRules]
    received: datetime
    partition: str
    offset: int

    def metered(self) -> tuple[Codes, Block]:
        """Return the code of each event and the block; raise `NotCounted` when too many events are at fault."""
        every = np.arange(self.usage.num_rows)
        rows = every
        while True:
            left_out = np.setdiff1d(every, rows)
            try:
                verdicts, block = self._build(rows, left_out)
            except Exception as error:
                _log.exception("metering_failed", events=len(rows))
                bad = culprits(rows, self._fails)
                if not len(bad) or len(left_out) + len(bad) > MAX_ISOLATED:
                    raise NotCounted(f"metering failed: {type(error).__name__}; send the same events again") from error
                rows = np.setdiff1d(rows, bad)
            else:
                codes = np.full(len(every), ISOLATED, np.int8)
                codes[rows] = verdicts
                return codes, block

    def _build(self, rows: Rows, left_out: Rows) -> tuple[Codes, Block]:
        some = Identities(self.identities.id_hash[rows], self.identities.content_hash[rows])
        verdicts = self.judge(some)
        refused = [self.rejects, isolated(self.usage.take(pa.array(left_out)))] if len(left_out) else [self.rejects]
        block = build_block(
            self.usage if len(rows) == self.usage.num_rows else self.usage.take(pa.array(rows)),
            identities=some,
            verdicts=verdicts,
            rules=self.rules,
            received=self.received,
            partition=self.partition,
            offset=self.offset,
            rejects=pa.concat_tables(refused),
        )
        return verdicts, block

    def _fails(self, rows: Rows) -> bool:
        """Return whether no block can be built with `rows` alone; the fault is in the log already."""
        try:
            self._build(rows, np.array([], np.intp))
        except Exception:  # noqa: BLE001 - a fault of any kind is what is looked for
            return True
        return False
