"""A drain sends what is valid and new, once; it may be cut short anywhere, and never feeds itself."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pyarrow as pa
import pytest

from outlay_api.rejected import draining
from outlay_api.rejected.draining import drain
from outlay_api.rejected.ledger import RejectedLedger
from outlay_api.rejected.refused import Refused
from outlay_api.rejected.selection import Selection
from outlay_schemas.outcome import ACCEPTED, Outcome, Verdict
from outlay_streams.decode.avro import Writers
from tests.support.events import NOW, body, event

EVERYTHING = Selection()


class CutShortError(Exception):
    """The process ended here."""


class Kept:
    """Refused events in batches of two, and a ledger that takes what is sent unless the process ends before."""

    def __init__(self, *events: Refused) -> None:
        self.writers = Writers()
        self.events = events
        self.ledger: list[str] = []
        self.left = 1000
        self.answers: dict[str, Outcome] = {}

    async def read(self, chosen: Selection, /) -> AsyncIterator[Sequence[Refused]]:
        for start in range(0, len(self.events), 2):
            yield [one for one in self.events[start : start + 2] if chosen.takes(one)]

    async def held(self, usage: pa.Table, /) -> Sequence[bool]:
        return [name in self.ledger for name in usage["id"].to_pylist()]

    async def send(self, events: Sequence[Refused], usage: pa.Table, /) -> Sequence[Outcome]:
        if not self.left:
            raise CutShortError
        self.left -= 1
        assert [one.id for one in events] == usage["id"].to_pylist()
        self.ledger += [one.id for one in events]
        return [self.answers.get(one.id, ACCEPTED) for one in events]


def refused(name: str, *, org: str = "acme", value: bytes | None = None, **more: Any) -> Refused:
    told = {"place": "", "source": "api", "outcome": "rejected", "pointer": "", "reason": "once unknown", "origin": ""}
    return Refused(org=org, id=name, received=NOW, value=value or body(event(id=name)), **(told | more))


async def drained(kept: Kept, chosen: Selection = EVERYTHING, *, dry_run: bool = False) -> dict[str, Any]:
    document = (await drain(kept, chosen, now=NOW, dry_run=dry_run)).document
    assert document["selected"] == sum(document[name] for name in ("sent", "in_ledger", "repeated", "refused"))
    return {name: found for name, found in document.items() if found and name != "reasons"}


@pytest.mark.parametrize("after", range(4))
async def test_one_cut_short_anywhere_is_simply_run_again(after: int) -> None:
    kept = Kept(*(refused(f"e{number}") for number in range(7)))
    kept.left = after
    with pytest.raises(CutShortError):
        await drained(kept)
    kept.left = 1000
    assert await drained(kept) == {"selected": 7, "sent": 7 - 2 * after} | ({"in_ledger": 2 * after} if after else {})
    assert sorted(kept.ledger) == [f"e{number}" for number in range(7)]
    assert await drained(kept) == {"selected": 7, "in_ledger": 7}


async def test_what_is_still_no_event_is_never_sent_and_told_why() -> None:
    kept = Kept(refused("good"), refused("bad", value=b'{"id": "bad"}'), refused("poison", value=b"\xff"))
    done = await drain(kept, EVERYTHING, now=NOW, dry_run=False)
    assert kept.ledger == ["good"]
    assert done.reasons.total() == 2
    assert "time is required (and 2 more)" in done.reasons


async def test_an_event_refused_twice_is_sent_once() -> None:
    kept = Kept(refused("e"), refused("e"), refused("other"))
    assert await drained(kept) == {"selected": 3, "sent": 2, "repeated": 1}


async def test_what_is_remembered_of_those_sent_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "_REMEMBERED", 3)
    kept = Kept(*(refused(name) for name in ("a", "b", "c", "d", "d", "b")))
    assert await drained(kept, dry_run=True) == {"selected": 6, "sent": 4, "repeated": 2}
    kept = Kept(*(refused(name) for name in ("a", "b", "c", "d", "a", "d")))
    assert await drained(kept, dry_run=True) == {"selected": 6, "sent": 5, "repeated": 1}


async def test_what_was_sent_and_not_taken_is_told() -> None:
    kept = Kept(*(refused(name) for name in "abcd"))
    kept.answers = {
        "b": Outcome(Verdict.DUPLICATE),
        "c": Outcome(Verdict.CONFLICT),
        "d": Outcome(Verdict.REJECTED, reason="unknown team"),
    }
    done = await drain(kept, EVERYTHING, now=NOW, dry_run=False)
    assert (done.selected, done.sent, done.in_ledger, done.refused) == (4, 1, 1, 2)
    assert done.reasons == {"the event is in conflict": 1, "unknown team": 1}


class Intake:
    """An API that takes every event in, but those whose id is told."""

    def __init__(self, **outcomes: str) -> None:
        self.outcomes = outcomes
        self.bodies: list[int] = []
        self.ids: list[str] = []
        self.http = httpx.AsyncClient()

    async def get(self, path: str, **parameters: Any) -> Any:
        raise NotImplementedError

    async def ask(self, method: str, path: str, **request: Any) -> Any:
        assert (method, path) == ("POST", "/v1/events")
        ids = [one["id"] for one in json.loads(request["content"])]
        self.bodies.append(len(request["content"]))
        self.ids += ids
        told = ((index, self.outcomes.get(name)) for index, name in enumerate(ids))
        return {"events": [{"index": index, "outcome": outcome, "reason": "so"} for index, outcome in told if outcome]}


async def test_intake_is_sent_bodies_it_takes_and_its_answers_are_read() -> None:
    intake = Intake(e7="rejected", e1203="duplicate")
    events = [refused(f"e{number}", value=body(event(id=f"e{number}"))) for number in range(1204)]
    found = await RejectedLedger(intake).send(events, pa.table({}))
    assert intake.ids == [one.id for one in events]
    assert len(intake.bodies) == 3
    assert {index: one.verdict for index, one in enumerate(found) if one != ACCEPTED} == {
        7: Verdict.REJECTED,
        1203: Verdict.DUPLICATE,
    }
    assert found[7].reason == "so"

    large = Intake()
    tags = {f"k{number}": "v" * 200 for number in range(32)}
    events = [refused(f"e{number}", value=body(event(id=f"e{number}", tags=tags))) for number in range(300)]
    assert await RejectedLedger(large).send(events, pa.table({})) == [ACCEPTED] * 300
    assert len(large.bodies) > 1
    assert max(large.bodies) <= 1024 * 1024 + 2


async def test_a_rehearsal_sends_nothing() -> None:
    kept = Kept(refused("e"))
    assert await drained(kept, dry_run=True) == {"selected": 1, "sent": 1}
    assert kept.ledger == []


async def test_nobody_can_tell_whose_an_event_without_a_readable_org_is() -> None:
    kept = Kept(refused("e", org="ac\N{REPLACEMENT CHARACTER}me", reason="the org is no text"), refused("f"))
    done = await drain(kept, EVERYTHING, now=NOW, dry_run=False)
    assert (kept.ledger, dict(done.reasons)) == (["f"], {"the org is no text": 1})


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        (Selection(reason="NO SCHEMA"), ["a"]),
        (Selection(reason="is '...'"), ["b"]),
        (Selection(outcome="conflict"), ["c"]),
        (Selection(org="other"), ["d"]),
        (Selection(source="batch"), ["e"]),
        (Selection(ids=frozenset("af")), ["a", "f"]),
        (Selection(places=frozenset({(3, 7)})), ["f"]),
        (Selection(since=NOW), ["a", "b", "c", "d", "e", "f"]),
        (Selection(until=NOW), []),
    ],
)
async def test_what_is_selected(chosen: Selection, names: list[str]) -> None:
    more: dict[str, dict[str, Any]] = {
        "a": {"reason": "the registry knows no schema with id 7"},
        "b": {"reason": "time is 'yesterday'"},
        "c": {"outcome": "conflict"},
        "d": {"org": "other"},
        "e": {"source": "batch"},
        "f": {},
    }
    kept = Kept(
        *(refused(name, **({"place": f"3/{2 + place}"} | fields)) for place, (name, fields) in enumerate(more.items()))
    )
    assert [one.id async for batch in kept.read(chosen) for one in batch] == names
