"""One record that cannot be read takes no other state away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from outlay_api.clusterwide.budget_states import BudgetStates
from outlay_infra.settings import KafkaSettings
from outlay_schemas.budgets import Budget, BudgetState, encode_state, record_key, row_key


@dataclass
class Record:
    """A record of the topic."""

    written_key: bytes
    written: bytes

    def key(self) -> bytes:
        return self.written_key

    def value(self) -> bytes:
        return self.written


def test_records_that_cannot_be_read_are_left_out() -> None:
    budget = Budget.model_validate({"id": "b", "amount": "1"})
    state = BudgetState(org="acme", budget=budget, zone="UTC", version=1, periods=(), marks={}, starting=False)
    states: Any = BudgetStates(KafkaSettings(bootstrap="localhost:1"))
    states._known = True
    states._take(Record(b"no key of ours", b""))
    states._take(Record(b"\xff", b""))
    states._take(Record(record_key("acme", row_key(budget="a")), b'{"org": 1}'))
    states._take(Record(record_key("acme", row_key(budget="b")), encode_state(state)))
    assert states.states("acme") == states.states("acme") == [state]
