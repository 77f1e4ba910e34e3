"""The meter turns a judged batch into a block: every event accounted for, each org by its own rules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from outlay_schemas.arrow import AMOUNT, ENTRIES, IDS, REJECTS
from outlay_schemas.block import Block
from outlay_schemas.dimensions import ATTRIBUTION, UNALLOCATED
from outlay_streams.identity import identify
from outlay_streams.meter import build_block
from outlay_streams.refusals import refused
from outlay_streams.verdicts import CONFLICT, DUPLICATE, NEW
from tests.builders import NOON, usage

RECEIVED = NOON + timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Rules:
    """One price for everything; a team when the event names none."""

    version: int = 3
    amount: str = "0.25"
    team: str = UNALLOCATED

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo("Asia/Kolkata")

    @property
    def attributor(self) -> Rules:
        return self

    @property
    def book(self) -> Rules:
        return self

    def resolve(self, usage: pa.Table) -> pa.Table:
        filled = {name: pc.fill_null(usage[name], UNALLOCATED) for name in ATTRIBUTION}
        filled["team"] = pc.fill_null(usage["team"], self.team)
        return pa.table({**filled, "rule_id": pa.repeat("default", usage.num_rows)})

    def price(self, usage: pa.Table) -> pa.Table:
        same = {"service_tier": "standard", "region": "", "category": "model_api", "status": "priced", "reason": ""}
        return pa.table(
            {
                "provider": usage["provider"],
                "model": pc.utf8_upper(usage["model"]),
                "amount": pa.repeat(pa.scalar(Decimal(self.amount), AMOUNT), usage.num_rows),
                "price_id": pa.repeat("p_1", usage.num_rows),
                **{name: pa.repeat(value, usage.num_rows) for name, value in same.items()},
            }
        )


def build(batch: pa.Table, verdicts: list[int], rejects: list[dict[str, str]] | None = None, **rules: Rules) -> Block:
    return build_block(
        batch,
        identities=identify(batch),
        verdicts=np.array(verdicts, np.int8),
        rules=rules or {"acme": Rules()},
        received=RECEIVED,
        partition="embedded/0",
        offset=9,
        rejects=refused(rejects or []),
    )


def receipts(built: Block) -> dict[str, tuple[int, ...]]:
    names = ("received", "counted", "duplicate", "conflict", "rejected")
    return {row["source"]: tuple(row[name] for name in names) for row in built.receipts.to_pylist()}


def test_every_event_has_exactly_one_outcome() -> None:
    batch = usage({"id": "a"}, {"id": "b"}, {"id": "c"}, {"id": "d", "source": "other"})
    bad = {
        "org": "acme",
        "source": "api",
        "id": "e",
        "outcome": "rejected",
        "pointer": "/time",
        "reason": "no",
        "event": "",
    }
    built = build(batch, [NEW, DUPLICATE, CONFLICT, NEW], [bad])
    assert receipts(built) == {"api": (4, 1, 1, 1, 1), "other": (1, 1, 0, 0, 0)}
    assert built.entries["id"].to_pylist() == ["a", "d"]
    assert built.rejects["outcome"].to_pylist() == ["rejected", "conflict"]


def test_an_entry_keeps_what_was_reported_beside_what_it_resolved_to() -> None:
    (row,) = build(
        usage({"model": "gpt-5", "tags": {"a": "b"}, "quantities": {"images": 2}}), [NEW]
    ).entries.to_pylist()
    assert (row["model"], row["reported_model"], row["team"]) == ("GPT-5", "gpt-5", UNALLOCATED)
    assert (row["tags"], row["quantities"]) == ([("a", "b")], [("images", Decimal(2))])
    assert (row["received"], row["block"], row["catalog_version"]) == (RECEIVED, 9, 3)


def test_absent_text_is_empty_and_absent_numbers_stay_unknown() -> None:
    (row,) = build(usage({}), [NEW]).entries.to_pylist()
    assert [row[name] for name in ("operation", "request_id", "latency_ms", "provider_cost")] == ["", "", None, None]


def test_each_org_has_its_own_rules() -> None:
    batch = usage({"id": "a", "org": "beta"}, {"id": "b"}, {"id": "c", "org": "beta"})
    built = build(batch, [NEW] * 3, acme=Rules(), beta=replace(Rules(), amount="2", team="research", version=8))
    found = {row["id"]: (row["amount"], row["team"], row["catalog_version"]) for row in built.entries.to_pylist()}
    assert found == {"a": (2, "research", 8), "b": (Decimal("0.25"), UNALLOCATED, 3), "c": (2, "research", 8)}


def test_ids_point_to_the_entry_with_its_content() -> None:
    batch = usage({"id": "a", "org": "beta"}, {"id": "b"}, {"id": "c", "org": "beta"})
    identities = identify(batch)
    built = build(batch, [NEW] * 3, acme=Rules(), beta=Rules())
    by_id = dict(zip(built.entries["id"].to_pylist(), built.ids.to_pylist(), strict=True))
    for position, name in enumerate("abc"):
        assert by_id[name]["id_hash"] == identities.id_hash[position]
        assert by_id[name]["content_hash"] == identities.content_hash[position]


def test_a_block_of_refusals_still_carries_receipts() -> None:
    built = build(usage({"id": "a"}), [DUPLICATE])
    assert (built.entries.num_rows, built.cells.num_rows, receipts(built)) == (0, 0, {"api": (1, 0, 1, 0, 0)})


def test_the_same_batch_yields_the_same_block() -> None:
    batch = usage({"id": "a"}, {"id": "b", "tags": {"x": "y"}})
    assert build(batch, [NEW, NEW]) == build(batch, [NEW, NEW])


def test_a_conflict_keeps_the_event_as_it_was_sent() -> None:
    sent: dict[str, Any] = {"id": "a", "input_tokens": 7, "quantities": {"audio_seconds": "1.5"}, "team": "search"}
    (row,) = build(usage(sent), [CONFLICT]).rejects.to_pylist()
    assert row["event"] == (
        '{"source":"api","id":"a","time":"2026-05-04T12:00:00+00:00","provider":"openai","model":"gpt-5-mini",'
        '"team":"search","outcome":"ok","kind":"usage","quantities":{"input_tokens":7,"audio_seconds":"1.5"}}'
    )


def test_tables_follow_their_schemas() -> None:
    built = build(usage({}), [NEW])
    assert (built.entries.schema, built.ids.schema, built.rejects.schema) == (ENTRIES, IDS, REJECTS)
