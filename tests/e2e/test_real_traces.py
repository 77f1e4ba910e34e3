"""Two production traces through the importer and the API, against a sum of genai-prices' own decimals.

The traces name no model, app or team, so the test chooses: the conversation trace is app `chat` of team `assistants`
on `openai/gpt-4o`, the code trace app `completion` of team `devtools` on `anthropic/claude-sonnet-4-5`. The apps
are set at import, the teams follow from the catalog.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from genai_prices import Usage, calc_price

import outlay
from outlay_api.importing.cursor import Tally
from outlay_api.importing.mapping import FieldMap
from outlay_api.importing.reading import Source
from outlay_api.importing.rejects import RejectsFile
from outlay_api.importing.running import BATCH, Import, Plan
from outlay_api.importing.times import Times
from tests.e2e.conftest import BASE, instant

CATALOG = """
apps:
  - {id: chat, team: assistants}
  - {id: completion, team: devtools}
teams:
  - {id: assistants, business_unit: consumer}
  - {id: devtools, business_unit: platform}
"""
WINDOW = {"from": "2023-11-15", "to": "2023-11-19"}


@dataclass(frozen=True, slots=True)
class Trace:
    """One file and what the test makes of it."""

    file: str
    app: str
    team: str
    provider: str
    model: str


TRACES = (
    Trace("azure-llm-trace-2023-conv.csv", "chat", "assistants", "openai", "gpt-4o"),
    Trace("azure-llm-trace-2023-code.csv", "completion", "devtools", "anthropic", "claude-sonnet-4-5"),
)


@dataclass(frozen=True, slots=True)
class Call:
    """One row, priced by genai-prices alone."""

    team: str
    at: datetime
    usd: Decimal
    context_tokens: int
    generated_tokens: int


@pytest.fixture(scope="module")
def calls(traces: Path) -> list[Call]:
    return [call for trace in TRACES for call in _priced(traces / trace.file, trace)]


@pytest.fixture
async def ledger(http: httpx.AsyncClient, transport: httpx.ASGITransport, traces: Path) -> httpx.AsyncClient:
    applied = await http.put("/v1/catalog", content=CATALOG, headers={"content-type": "application/yaml"})
    assert applied.status_code == 200, applied.text
    for trace in TRACES:
        tally = await load(transport, traces, trace)
        assert tally == Tally(rows=tally.rows, accepted=tally.rows)
    return http


async def test_spend_is_the_sum_of_the_list_prices_to_the_last_digit(
    ledger: httpx.AsyncClient, transport: httpx.ASGITransport, traces: Path, calls: list[Call]
) -> None:
    assert len(calls) == 28_185
    await assert_totals(ledger, calls)

    by_team = {row["team"]: Decimal(row["amount"]) for row in (await spend(ledger, group_by="team"))["data"]}
    assert by_team == summed(calls, lambda call: call.team)

    for zone, interval in (("UTC", "hour"), ("Asia/Kolkata", "day"), ("America/New_York", "day")):
        answer = await spend(ledger, group_by="team", interval=interval, zone=zone)
        found = {
            (row["team"], datetime.fromisoformat(row["start"]).astimezone(UTC)): Decimal(row["amount"])
            for row in answer["data"]
        }
        assert found == summed(calls, lambda call: (call.team, bucket(call.at, zone, interval))), (zone, interval)  # noqa: B023

    for trace in TRACES:
        again = await load(transport, traces, trace)
        assert again == Tally(rows=again.rows, duplicate=again.rows)
    await assert_totals(ledger, calls)

    account = (await ledger.get("/v1/conservation", params={"period": "today", "verify": True})).json()
    assert account["balanced"]
    assert {name: account["totals"][name] for name in ("received", "counted", "duplicate", "conflict", "rejected")} == {
        "received": 2 * len(calls),
        "counted": len(calls),
        "duplicate": len(calls),
        "conflict": 0,
        "rejected": 0,
    }


async def assert_totals(ledger: httpx.AsyncClient, calls: list[Call]) -> None:
    totals = (await spend(ledger, measures="amount,calls,input_tokens,output_tokens"))["totals"]
    assert Decimal(totals["amount"]) == sum(call.usd for call in calls)
    assert (totals["calls"], totals["unpriced"]) == (len(calls), 0)
    assert int(totals["input_tokens"]) == sum(call.context_tokens for call in calls)
    assert int(totals["output_tokens"]) == sum(call.generated_tokens for call in calls)


async def load(transport: httpx.ASGITransport, folder: Path, trace: Trace) -> Tally:
    """Import one trace as `outlay import` does."""
    fields = FieldMap.parse(
        ["time=TIMESTAMP", "quantities.input_tokens=ContextTokens", "quantities.output_tokens=GeneratedTokens"],
        [f"provider={trace.provider}", f"model={trace.model}", f"app={trace.app}", "source=azure-trace"],
    )
    plan = Plan(source=Source(path=folder / trace.file, size=BATCH), fields=fields, times=Times.of("UTC", None))
    async with outlay.AsyncClient(BASE, transport=transport) as client:
        return await Import(plan=plan, sender=client, rejects=RejectsFile(None)).run()


async def spend(ledger: httpx.AsyncClient, **question: str) -> Any:
    answer = await ledger.get("/v1/spend", params={**WINDOW, **question})
    assert answer.status_code == 200, answer.text
    return answer.json()


def summed(calls: list[Call], key: Callable[[Call], Hashable]) -> dict[Hashable, Decimal]:
    sums: defaultdict[Hashable, Decimal] = defaultdict(Decimal)
    for call in calls:
        sums[key(call)] += call.usd
    return dict(sums)


def bucket(at: datetime, zone: str, interval: str) -> datetime:
    """Return the UTC instant at which the zone's hour or day of `at` starts."""
    local = at.astimezone(ZoneInfo(zone)).replace(minute=0, second=0, microsecond=0)
    return (local if interval == "hour" else local.replace(hour=0)).astimezone(UTC)


def _priced(path: Path, trace: Trace) -> Iterator[Call]:
    """Yield the rows of a trace as genai-prices values them that day: so many tokens in, so many out."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    price = cache(lambda **tokens: listed(trace, instant(rows[0]["TIMESTAMP"]), **tokens))
    for row in rows:
        context, generated = int(row["ContextTokens"]), int(row["GeneratedTokens"])
        usd = price(input_tokens=context) + price(output_tokens=generated)
        yield Call(trace.team, instant(row["TIMESTAMP"]), usd, context, generated)


def listed(trace: Trace, day: datetime, **tokens: int) -> Decimal:
    return calc_price(Usage(**tokens), trace.model, provider_id=trace.provider, genai_request_timestamp=day).total_price
