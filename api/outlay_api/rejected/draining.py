"""Refused events sent again: those alone that are valid now and that the ledger does not have.

The ledger is the progress: what it holds is passed over, so a drain may be repeated or cut short at any moment. What is
still refused stays where it is; what intake refuses after all is kept once more, after what this drain reads. So no
drain feeds itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Protocol

import pyarrow as pa

from outlay_api.rejected.judging import judge
from outlay_api.rejected.refused import Refused
from outlay_api.rejected.selection import Selection
from outlay_schemas.outcome import Outcome, Verdict
from outlay_streams.decode.avro import Writers
from outlay_streams.identity import identify

_REMEMBERED = 250_000
"""Identities sent that are remembered. A repeat after more than that is sent, and counted once all the same."""


class Rejects(Protocol):
    """Where refused events are kept, and the way back into the pipeline."""

    writers: Writers

    def read(self, chosen: Selection, /) -> AsyncIterator[Sequence[Refused]]:
        """Yield what is kept at this moment, a batch at a time; the caller sends between them."""
        ...

    async def held(self, usage: pa.Table, /) -> Sequence[bool]:
        """Return, for each row of a `USAGE` table, whether the ledger has an event of that identity."""
        ...

    async def send(self, events: Sequence[Refused], usage: pa.Table, /) -> Sequence[Outcome]:
        """Send events with their bytes and return what became of each; `usage` has them row by row.

        They are durable when this returns. One that others will judge later is accepted.
        """
        ...


@dataclass(slots=True)
class Drained:
    """What became of the events a drain looked at: `selected = sent + in_ledger + repeated + refused`."""

    selected: int = 0
    sent: int = 0
    in_ledger: int = 0
    repeated: int = 0
    """Of an identity that was sent a moment before."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why the others are still refused, and how many for each reason."""

    @property
    def refused(self) -> int:
        """How many are still refused."""
        return self.reasons.total()

    def note(self, outcome: Outcome) -> None:
        """Count what became of one that was sent."""
        if outcome.verdict is Verdict.ACCEPTED:
            self.sent += 1
        elif outcome.verdict is Verdict.DUPLICATE:
            self.in_ledger += 1
        else:
            self.reasons[outcome.reason or f"the event is in {outcome.verdict.value}"] += 1

    @property
    def document(self) -> dict[str, Any]:
        """The result as plain values."""
        reasons = [{"reason": reason, "events": count} for reason, count in self.reasons.most_common()]
        counts = {name: getattr(self, name) for name in ("selected", "sent", "in_ledger", "repeated", "refused")}
        return counts | {"reasons": reasons}


async def drain(rejects: Rejects, chosen: Selection, *, now: datetime, dry_run: bool) -> Drained:
    """Send what can be; with `dry_run` only say what would be. `now` (aware) bounds the times of events."""
    done = Drained()
    sent: dict[int, None] = {}
    async for events in rejects.read(chosen):
        done.selected += len(events)
        judged = judge(events, now=now, writers=rejects.writers)
        done.reasons.update(judged.reasons)
        names = identify(judged.usage).id_hash.tolist()
        held = await rejects.held(judged.usage)
        rows = []
        for row, (name, there) in enumerate(zip(names, held, strict=True)):
            if there:
                done.in_ledger += 1
            elif name in sent:
                done.repeated += 1
            else:
                sent[name] = None
                rows.append(row)
        for name in list(islice(sent, max(0, len(sent) - _REMEMBERED))):
            del sent[name]
        if dry_run:
            done.sent += len(rows)
        elif rows:
            for outcome in await rejects.send([judged.valid[row] for row in rows], judged.usage.take(pa.array(rows))):
                done.note(outcome)
    return done
