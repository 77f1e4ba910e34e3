"""The query API's questions on the stored events."""

from __future__ import annotations

from collections.abc import Sequence

from outlay_infra.warehouse import Warehouse
from tests.bench import queries
from tests.bench.report import Figure, Plan


def run(plan: Plan) -> Sequence[Figure]:
    """Return medians and 95th percentiles from the question to the finished rows."""
    with Warehouse.open(f"chdb://{plan.store / 'ledger'}") as warehouse:
        org = warehouse.query("SELECT org FROM ledger LIMIT 1")["org"][0].as_py()
        return queries.run(warehouse, org)
