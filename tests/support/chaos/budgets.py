"""Budgets of a cluster under attack, and where their published states differ from an account of every event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any

from outlay_infra.kafka import cluster_topics
from outlay_infra.settings import KafkaSettings
from outlay_schemas.budgets import BudgetState, Spent, decode_state, read_record_key, row_key
from outlay_schemas.usage import UsageEvent
from tests.support.chaos.account import Account
from tests.support.chaos.traffic import ORGS, charged
from tests.support.kafka_broker.reading import read_all

SCOPES: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "everything": {},
        "search": {"team": ("search",)},
        "some-models": {"provider": ("house",), "model": ("small", "vis*")},
    }
)
BUDGETS: tuple[dict[str, Any], ...] = (
    {"id": "everything", "amount": 1_000, "cadence": "year", "zone": "Europe/Berlin"},
    {"id": "search", "amount": 50, "cadence": "month", "scope": {"team": "search"}},
    {
        "id": "some-models",
        "amount": 20,
        "cadence": "day",
        "zone": "America/New_York",
        "scope": {"provider": "house", "model": ["small", "vis*"]},
    },
)


def differences(kafka: KafkaSettings, account: Account) -> list[str]:
    """Return what the states on `budget.state` say that an account does not."""
    states = _states(kafka)
    found = []
    for org in ORGS:
        for budget, scope in SCOPES.items():
            state = states.get((org, row_key(budget=budget)))
            if state is None or state.starting:
                found.append(f"{org} {budget}: {'no state' if state is None else 'not begun'}")
                continue
            events = list(_matching(account, org, scope))
            found += [f"{org} {budget}: {told}" for told in _wrong(state, events)]
    return found


def _wrong(state: BudgetState, events: list[UsageEvent]) -> Iterator[str]:
    if not any(event.time in state.periods[-1].period for event in events):
        yield "no period holds the newest events"
    for period in state.periods:
        wanted = _spent(period, events)
        if period != wanted:
            yield f"{period!r} should be {wanted!r}"


def _spent(period: Spent, events: list[UsageEvent]) -> Spent:
    amounts = [charged(event)[1] for event in events if period.start <= event.time < period.end]
    known = [amount for amount in amounts if amount is not None]
    return Spent(
        start=period.start,
        end=period.end,
        amount=sum(known, Decimal(0)),
        entries=len(amounts),
        unpriced=len(amounts) - len(known),
    )


def _matching(account: Account, org: str, scope: Mapping[str, tuple[str, ...]]) -> Iterator[UsageEvent]:
    for (whose, _, _), event in account.first.items():
        if whose == org and all(
            any(fnmatchcase(getattr(event, name) or "unallocated", glob) for glob in globs)
            for name, globs in scope.items()
        ):
            yield event


def _states(kafka: KafkaSettings) -> dict[tuple[str, str], BudgetState]:
    """Return the newest state of every budget, by org and row key."""
    found = {}
    for record in read_all(kafka, cluster_topics(kafka).budget_state.name):
        org, row = read_record_key(record.key())
        state = decode_state(row, record.value()) if record.value() else None
        if isinstance(state, BudgetState):
            found[org, row] = state
    return found
