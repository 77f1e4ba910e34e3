"""One file into the ledger: batches read, encoded and sent, several on their way at a time, finished in order."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from outlay import Outcome, SendResult, Verdict
from outlay_api.importing import content
from outlay_api.importing.cursor import Cursor, Tally
from outlay_api.importing.encoding import FrameEncoder
from outlay_api.importing.events import Events
from outlay_api.importing.export import EntryEncoder, is_export
from outlay_api.importing.identity import RowIds
from outlay_api.importing.mapping import FieldMap
from outlay_api.importing.objects import ObjectEncoder, parsed
from outlay_api.importing.reading import Format, Rows, Source
from outlay_api.importing.rejects import RejectsFile
from outlay_api.importing.times import Times

BATCH = 2_000
IN_FLIGHT = 4


class Sender(Protocol):
    """Where events go; `outlay.AsyncClient` is one."""

    async def send_ndjson(self, body: bytes, /) -> SendResult:
        """Return what became of each event of the body, once all are durable."""
        ...


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A file and how its rows become events.

    An entry that is in the ledger already is a duplicate, whatever the catalog has made of it: exports carry what was
    resolved, not what was sent.
    """

    source: Source
    fields: FieldMap
    times: Times

    @property
    def path(self) -> Path:
        """The file."""
        return self.source.path

    def check(self) -> None:
        """Raise `ImportStoppedError` when the file cannot be read or its columns do not make events."""
        self._encoder()

    def ignored(self) -> list[str]:
        """Return the columns that no field takes; none of an export, whose columns are all known."""
        if self.exported:
            return []
        names = self.source.columns()
        used = set(self.fields.over(names).columns.values())
        return [name for name in names if name not in used]

    def events(self, skip: int = 0) -> Iterator[Events]:
        """Yield the events of the file after its first `skip` rows; raises `ImportStoppedError`."""
        ids = self._ids()
        encoder = self._encoder()
        for rows in self.source:
            named = ids(rows)
            if rows.last > skip:
                yield encoder.encode(rows, named)

    @cached_property
    def exported(self) -> bool:
        """Whether the file holds entries that a ledger exported."""
        return not self.fields.columns and is_export(self.source.columns() or self._keys())

    def _keys(self) -> list[str]:
        """Return the names in the first line of JSONL."""
        first = next(iter(replace(self.source, size=1)), None)
        return list(parsed(first.lines[0])[0]) if first is not None and first.lines else []

    def _encoder(self) -> FrameEncoder | ObjectEncoder | EntryEncoder:
        names = self.source.columns()
        if self.exported:
            return EntryEncoder(fields=self.fields)
        if self.source.format is Format.JSONL:
            return ObjectEncoder(fields=self.fields, times=self.times)
        fields = self.fields.over(names)
        fields.check(names, self.path.name)
        return FrameEncoder(fields=fields, times=self.times)

    def _ids(self) -> Callable[[Rows], list[str]]:
        known = RowIds(self.source.columns())
        if self.source.format is Format.JSONL:
            return lambda rows: known.ids(map(content.of_line, rows.lines))
        return lambda rows: known.ids(content.of_frame(rows.frame))


@dataclass(slots=True, kw_only=True)
class Import:
    """Sends a plan's events; `progress` hears the part done (0 to 1) and the tally so far after every batch."""

    plan: Plan
    sender: Sender
    rejects: RejectsFile
    cursor: Cursor | None = None
    progress: Callable[[float, Tally], None] = lambda _done, _tally: None
    in_flight: int = IN_FLIGHT
    tally: Tally = field(default_factory=Tally)

    async def run(self) -> Tally:
        """Send everything from where the cursor stands; return the tally, earlier runs included.

        Whatever stops it, the cursor holds what was acknowledged without a gap.
        """
        done = 0
        if self.cursor is not None:
            done, self.tally = self.cursor.load()
        waiting: deque[tuple[Events, asyncio.Task[SendResult]]] = deque()
        try:
            for events in self.plan.events(done):
                body = "\n".join(events.lines).encode("utf-8", "replace")
                waiting.append((events, asyncio.create_task(self._send(body))))
                if len(waiting) >= self.in_flight:
                    await self._finish(*waiting.popleft())
                else:
                    await asyncio.sleep(0)
            while waiting:
                await self._finish(*waiting.popleft())
        finally:
            for _, task in waiting:
                task.cancel()
            await asyncio.gather(*(task for _, task in waiting), return_exceptions=True)
        if self.cursor is not None:
            self.cursor.clear()
        return self.tally

    async def _send(self, body: bytes) -> SendResult:
        return await self.sender.send_ndjson(body) if body else SendResult()

    async def _finish(self, events: Events, task: asyncio.Task[SendResult]) -> None:
        result = await task
        for malformed in events.refused:
            place = {"row": malformed.row, "line": malformed.line}
            self._refuse(place, Outcome(Verdict.REJECTED, reason=malformed.reason), {"text": malformed.text})
        known = result.conflict if self.plan.exported else 0
        for at, outcome in result.refused():
            if known and outcome.verdict is Verdict.CONFLICT:
                continue
            place = {"row": events.numbers[at], "line": events.places[at] if events.places else None}
            self._refuse(place, outcome, {"event": json.loads(events.lines[at])})
        self.rejects.flush()
        self.tally = self.tally.plus(
            Tally(
                rows=len(events.lines) + len(events.refused),
                accepted=result.accepted,
                duplicate=result.duplicate + known,
                conflict=result.conflict - known,
                rejected=result.rejected + len(events.refused),
            )
        )
        if self.cursor is not None:
            self.cursor.save(events.last, self.tally)
        self.progress(events.done, self.tally)

    def _refuse(self, place: Mapping[str, int | None], outcome: Outcome, what: Mapping[str, Any]) -> None:
        why = {"outcome": outcome.verdict.value, "pointer": outcome.pointer or "", "reason": outcome.reason or ""}
        self.rejects.write({"file": self.plan.path.name, **place, **why, **what})
