"""Identity says which event it is; content says whether a repeat says the same."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from outlay_schemas.arrow import USAGE
from outlay_schemas.identity import id_hash
from outlay_streams.identity import identify
from tests.builders import NOON, usage

CHANGED: dict[str, Any] = {
    "time": NOON + timedelta(milliseconds=1),
    "provider": "azure",
    "model": "gpt-5",
    "tags": {"feature": "chat"},
    "calls": 2,
    "quantities": {"images": Decimal(1)},
    "outcome": "error",
    "estimated": True,
    "kind": "invoice",
    "latency_ms": 0,
    "ttft_ms": 0,
    "amount": Decimal("1.5"),
    "provider_cost": Decimal(0),
    "category": "compute",
}
FIELDS = [name for name in USAGE.names if name not in {"org", "source", "id"}]


def contents(*rows: dict[str, Any]) -> list[int]:
    return identify(usage(*rows)).content_hash.tolist()


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_part_of_the_content(name: str) -> None:
    kind = USAGE.field(name).type
    value = CHANGED.get(name, 7 if pa.types.is_integer(kind) else "other")
    plain, changed = contents({"id": "a"}, {"id": "a", name: value})
    assert plain != changed


def test_two_fields_never_read_as_one_another() -> None:
    assert len(set(contents({"team": "x"}, {"project": "x"}, {"tags": {"team": "x"}}, {"tags": {"x": "team"}}))) == 4


def test_content_ignores_identity_and_neighbours() -> None:
    row = {"input_tokens": 12, "tags": {"a": "b"}}
    alone = contents({"id": "x", **row})
    among = contents({"id": "y", "team": "t"}, {"id": "z", "source": "other", **row}, {"quantities": {"images": 3}})
    assert alone[0] == among[1]


def test_the_hashes_are_the_same_in_every_version() -> None:
    """They are stored: a change here would turn every retry across an upgrade into a conflict."""
    found = identify(usage({"id": "e1"}, {"id": "e2", "input_tokens": 5, "tags": {"k": "v"}, "team": "search"}))
    assert found.id_hash.tolist() == [10097574088976295613, 2746147655332653442]
    assert found.content_hash.tolist() == [2274220987, 1545338444]


def test_identity_is_org_source_and_id() -> None:
    rows = [{"id": "a"}, {"id": "a", "source": "b"}, {"id": "a", "org": "other"}, {"id": "b"}]
    hashes = identify(usage(*rows)).id_hash.tolist()
    assert len(set(hashes)) == 4
    assert hashes[1] == id_hash("acme", "b", "a")


def test_an_empty_batch_has_no_hashes() -> None:
    assert len(identify(USAGE.empty_table())) == 0
