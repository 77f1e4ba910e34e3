"""What the store of a cluster and its API tell, in the shape of an `Account`."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import httpx

from outlay_infra.warehouse import Warehouse
from tests.support.chaos.account import Sums, summed
from tests.support.chaos.traffic import Identity

_ENTRIES = "SELECT org, source, id, team, status, amount FROM ledger"
_OUTCOMES = """
SELECT org, toInt64(sum(counted)) AS counted, toInt64(sum(duplicate)) AS duplicate, toInt64(sum(conflict)) AS conflict,
    toInt64(sum(rejected)) AS rejected
FROM receipts GROUP BY org
"""
_ROLLED_UP = (
    "SELECT org, team, toInt64(sum(entries)) AS n, sum(amount) AS spent FROM {table} WHERE org != '' GROUP BY org, team"
)
_PERIOD = {"from": "2026-01-01", "to": "2100-01-01"}


def received(warehouse: Warehouse) -> int:
    """Return how many events the store tells of."""
    return int(warehouse.query("SELECT toInt64(sum(received)) AS n FROM receipts")["n"][0].as_py())


def entries(warehouse: Warehouse) -> list[tuple[Identity, tuple[str, str, Decimal | None]]]:
    """Return identity, team, status and amount of every entry, in the order of identity."""
    rows = warehouse.query(_ENTRIES).to_pylist()
    return sorted(((row["org"], row["source"], row["id"]), (row["team"], row["status"], row["amount"])) for row in rows)


def outcomes(warehouse: Warehouse) -> Counter[tuple[str, str]]:
    """Return what became of all that came, by org, as the receipts tell it."""
    rows = warehouse.query(_OUTCOMES).to_pylist()
    return +Counter({(row["org"], name): row[name] for row in rows for name in row.keys() - {"org"}})


def rollup(warehouse: Warehouse, table: str) -> Sums:
    """Return the sums of `cells` or `days`."""
    rows = warehouse.query(_ROLLED_UP.format(table=table)).to_pylist()
    return summed((row["org"], row["team"], row["n"], row["spent"]) for row in rows)


def refused(warehouse: Warehouse) -> Counter[tuple[str, str]]:
    """Return how many refused events are listed, by org and outcome."""
    rows = warehouse.query("SELECT org, outcome, toInt64(count()) AS n FROM rejects GROUP BY org, outcome").to_pylist()
    return Counter({(row["org"], row["outcome"]): row["n"] for row in rows})


def spend_by_team(api: str) -> dict[str, Decimal]:
    """Return what the API says that each team of its own org spent."""
    answer = httpx.get(f"{api}/v1/spend", params={"group_by": "team", **_PERIOD}, timeout=60).raise_for_status()
    return {row["team"]: Decimal(row["amount"] or 0) for row in answer.json()["data"]}


def conservation(api: str) -> dict[str, int]:
    """Return the totals of the API's account of its own org."""
    return dict(httpx.get(f"{api}/v1/conservation", params=_PERIOD, timeout=60).raise_for_status().json()["totals"])
