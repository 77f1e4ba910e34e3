"""A ledger in a dictionary, and files to import into it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from outlay import SendResult, UsageEvent, Verdict
from outlay_api.importing.cursor import Cursor, Tally
from outlay_api.importing.identity import file_digest
from outlay_api.importing.mapping import FieldMap
from outlay_api.importing.reading import Source
from outlay_api.importing.rejects import RejectsFile
from outlay_api.importing.running import Import, Plan
from outlay_api.importing.times import Times
from outlay_schemas.outcome import ACCEPTED, Outcome


@dataclass
class Intake:
    """Judges by the model and by id, as the real one does."""

    events: dict[str, UsageEvent] = field(default_factory=dict)
    bodies: list[bytes] = field(default_factory=list)
    fail_after: int | None = None
    """How many bodies to take before the connection breaks."""

    async def send_ndjson(self, body: bytes, /) -> SendResult:
        await asyncio.sleep(0)
        if self.fail_after is not None and len(self.bodies) >= self.fail_after:
            raise ConnectionError("the line went dead")
        self.bodies.append(body)
        return SendResult(tuple(map(self._judge, body.splitlines())))

    def _judge(self, line: bytes) -> Outcome:
        try:
            event = UsageEvent.model_validate_json(line)
        except ValidationError as error:
            fault = error.errors()[0]
            return Outcome(Verdict.REJECTED, None, "".join(f"/{part}" for part in fault["loc"]), fault["msg"])
        known = self.events.setdefault(event.id, event)
        if known is event:
            return ACCEPTED
        return Outcome(Verdict.DUPLICATE if known == event else Verdict.CONFLICT, event.id)


@dataclass
class Importer:
    """Imports files of a folder into an intake."""

    folder: Path
    intake: Intake = field(default_factory=Intake)

    def plan(self, file: Path, *, size: int = 3, **options: Any) -> Plan:
        fields = FieldMap.parse(options.get("map", ()), options.get("set", ()))
        return Plan(
            source=Source(path=file, size=size, delimiter=options.get("delimiter")),
            fields=fields,
            times=Times.of(options.get("zone"), options.get("time_format")),
        )

    def run(self, file: Path, *, cursor: bool = False, **options: Any) -> Tally:
        kept = Cursor(folder=self.folder / "imports", digest=file_digest(file)) if cursor else None
        with RejectsFile(self.rejects_path, again=kept is not None and kept.load()[0] > 0) as rejects:
            plan = self.plan(file, **options)
            return asyncio.run(Import(plan=plan, sender=self.intake, rejects=rejects, cursor=kept).run())

    @property
    def rejects_path(self) -> Path:
        return self.folder / "rejects.jsonl"

    @property
    def rejects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.rejects_path.read_text().splitlines()]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event.model_dump(exclude_defaults=True, exclude={"id"}) for event in self.intake.events.values()]


@pytest.fixture
def importer(tmp_path: Path) -> Importer:
    return Importer(tmp_path)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    def written(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return written
