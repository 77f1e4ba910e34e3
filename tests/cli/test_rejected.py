"""`outlay rejected` over one ledger: refused events listed, and sent again through intake."""

from __future__ import annotations

import dataclasses
import json
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from outlay_api.cli.commands import rejected_list
from outlay_api.cli.target import Show
from outlay_api.rejected.refused import Refused
from outlay_infra.warehouse import Warehouse
from tests.cli.conftest import NOW, Cli

WRONG = {"id": "w", "time": "yesterday", "provider": "openai", "model": "gpt-4o", "quantities": {"input_tokens": 10}}
EARLY = WRONG | {"id": "early", "time": f"{NOW:%Y-%m-%dT%H:%M:%SZ}"}


ONE = Refused(
    place="",
    org="",
    source="",
    id="",
    outcome="rejected",
    pointer="",
    reason="",
    received=NOW,
    origin="",
    value=b"",
)


@pytest.fixture
def refused(cli: Cli, warehouse: Warehouse, tmp_path: Path) -> Warehouse:
    """One event that stays wrong, two that an earlier version did not understand, one of which came right later."""
    (tmp_path / "usage.jsonl").write_text(json.dumps(EARLY | {"id": "known"}) + "\n")
    assert cli("import", "usage.jsonl").code == 0
    counted = warehouse.query("SELECT source FROM ledger")["source"][0].as_py()
    rows = [(WRONG, "time is 'yesterday'; write RFC 3339"), (EARLY, "unknown field 'quantities'")]
    rows.append((EARLY | {"id": "known", "source": counted}, "unknown field 'quantities'"))
    for number, (event, reason) in enumerate(rows):
        warehouse.command(
            "INSERT INTO rejects (org, source, id, received, `partition`, block, outcome, pointer, reason, event)"
            " VALUES ({org:String}, {source:String}, {id:String}, {at:DateTime64(3)}, 'embedded/1', {n:UInt64},"
            " 'rejected', '', {reason:String}, {event:String})",
            {
                "org": "default",
                "source": event.get("source", "api"),
                "id": event["id"],
                "at": NOW,
                "n": number,
                "reason": reason,
                "event": json.dumps(event),
            },
        )
    return warehouse


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("time is 'yesterday'; write RFC 3339", "time is '...'; write RFC 3339"),
        ("quantities.input_tokens is -1.5: at least 0", "quantities.input_tokens is ...: at least 0"),
        ("unknown field 'a', as in {'b': {'a': 1}}", "unknown field '...', as in {'...': {'...': 1}}"),
        ("the registry knows no schema with id 7", "the registry knows no schema with id 7"),
    ],
)
def test_alike_faults_are_told_together(reason: str, kind: str) -> None:
    assert dataclasses.replace(ONE, reason=reason).kind == kind


async def test_a_list_keeps_no_event_longer_than_its_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    class Watched(Refused):
        """One that weak references may name."""

    gone: list[bool] = []

    class Rejects:
        async def read(self, _chosen: object) -> AsyncIterator[list[Refused]]:
            earlier: list[weakref.ref[Refused]] = []
            for _ in range(4):
                gone.extend(one() is None for one in earlier[:-1])  # the last is still in the caller's hands
                batch: list[Refused] = [Watched(**dataclasses.asdict(ONE))]
                earlier.append(weakref.ref(batch[0]))
                yield batch

    @asynccontextmanager
    async def opened(_target: object, _which: object) -> AsyncIterator[Rejects]:
        yield Rejects()

    monkeypatch.setattr(rejected_list, "opened", opened)
    assert await rejected_list.list_rejected(output=Show(format="json")) == 0
    assert gone == [True] * 3


def test_they_are_listed_by_reason(cli: Cli, refused: Warehouse) -> None:
    listed = cli("rejected", "list", "--from", "2026-11-01", "--format", "json")
    assert [(group["events"], group["reason"]) for group in listed.json["data"]][-1] == (1, "unknown field '...'")
    assert "time is '...'; write RFC 3339" in cli("rejected", "list").out
    assert cli("rejected", "list", "--to", "2026-11-01").err.strip() == "nothing was refused"


def test_what_is_valid_by_now_is_counted_once(cli: Cli, refused: Warehouse) -> None:
    rehearsed = cli("rejected", "drain", "--dry-run", "--format", "json")
    assert (rehearsed.code, rehearsed.json["sent"], rehearsed.json["in_ledger"]) == (3, 1, 1)
    assert refused.query("SELECT count() AS n FROM ledger")["n"][0].as_py() == 1

    drained = cli("rejected", "drain")
    assert drained.code == 3
    assert "3 refused events: 1 sent again" in drained.out
    assert "1 in the ledger already" in drained.out
    assert "1  time is 'yesterday'" in drained.out
    again = cli("rejected", "drain", "--format", "json").json
    assert (again["sent"], again["in_ledger"], again["refused"]) == (0, 2, 1)
    assert sorted(refused.query("SELECT id FROM ledger")["id"].to_pylist()) == ["early", "known"]
    assert refused.query("SELECT count() AS n FROM rejects")["n"][0].as_py() == 3
    assert cli("rejected", "drain", "--reason", "UNKNOWN FIELD").code == 0


def test_they_are_shown_with_the_event_itself(cli: Cli, refused: Warehouse) -> None:
    shown = cli("rejected", "show", "--id", "w", "--format", "json").json["data"]
    assert [json.loads(event["event"]) for event in shown] == [WRONG]
    assert "and more; show them: --limit 10" in cli("rejected", "show", "--limit", "1").err


def test_what_cannot_be_selected_is_one_line(cli: Cli) -> None:
    assert "set OUTLAY_STORE and OUTLAY_KAFKA__BOOTSTRAP" in cli("rejected", "list", "--at", "1/2").err
    assert "'soon' is no time" in cli("rejected", "list", "--from", "soon").err
