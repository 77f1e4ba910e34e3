"""Entries as the API shows them say what the published contract of an entry says."""

from __future__ import annotations

from outlay_api.queries.entry_rows import entry_rows
from outlay_schemas.entry import SpendEntry
from tests.builders import entries

PLACE = {"org", "partition", "block", "content_hash"}


def test_the_fields_are_those_of_the_contract_but_for_the_place() -> None:
    (shown,) = entry_rows(entries({"id": "a", "amount": "0.5", "input_tokens": 3}))
    contract = SpendEntry.from_row(entries({"id": "a", "amount": "0.5", "input_tokens": 3}).to_pylist()[0])
    assert set(shown) == set(SpendEntry.model_fields) - PLACE
    told = contract.model_dump(mode="json", exclude=PLACE | {"time", "received"})
    assert {name: value or "" for name, value in shown.items() if name in told} == {
        name: value or "" for name, value in told.items()
    }
