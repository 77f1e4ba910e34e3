"""Self-checks: that sums agree with the entries they sum, and every receipt with what was counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from outlay_api.auth.dependencies import Caller, Provided, require
from outlay_api.documents.check import Checked, Repaired, RepairRequest, found
from outlay_api.http.problems import Problem
from outlay_api.queries.coverage import coverage_of, days_follow
from outlay_api.services import PendingUnknown
from outlay_infra.errors import QueryError
from outlay_infra.warehouse import Warehouse
from outlay_infra.warehouse.check import Difference
from outlay_infra.warehouse.rollups import ROLLUPS

router = APIRouter(tags=["ledger"])

Admin = Annotated[Caller, Depends(require("admin"))]


@router.get("/v1/check", operation_id="checkLedger")
def check_ledger(
    services: Provided,
    caller: Admin,
    start: Annotated[date | None, Query(alias="from", description="First day; the first there is, if absent.")] = None,
    end: Annotated[date | None, Query(alias="to", description="Day after the last; the last if absent.")] = None,
) -> Checked:
    """Compare every sum and every receipt of the organisation with the ledger's entries.

    On a cluster the topics are compared with each other and with the store as well, whatever the organisation.

    Reads the whole ledger of those days beside intake: narrow the days of a large ledger.
    """
    try:
        differences = [*services.warehouse.check(caller.org, start, end), *services.self_check()]
    except PendingUnknown as error:
        raise Problem(503, "pending-unknown", str(error), headers={"Retry-After": "5"}) from None
    return Checked(ok=not differences, differences=[found(each) for each in differences])


@router.post("/v1/check/repair", operation_id="repairLedger")
def repair_ledger(services: Provided, caller: Admin, request: RepairRequest) -> Repaired:
    """Rebuild sums from the ledger's entries: one partition, or all that a check finds wrong. Entries never change."""
    warehouse = services.warehouse
    if request.table is not None and request.partition is not None:
        try:
            line = warehouse.repair(request.table, request.partition)
        except QueryError as error:
            raise Problem(422, "not-repairable", str(error)) from None
        return Repaired(repaired=[line], ok=None, differences=[])
    try:
        repaired = _rebuild(warehouse, caller.org, warehouse.check(caller.org, request.since, request.until))
    except QueryError as error:
        raise Problem(422, "not-repairable", str(error)) from None
    left = warehouse.check(caller.org, request.since, request.until) if repaired else []
    return Repaired(repaired=repaired, ok=not left, differences=[found(each) for each in left])


def _rebuild(warehouse: Warehouse, org: str, differences: Sequence[Difference]) -> list[str]:
    """Rebuild what differs, and the local days where the reporting zone changed since."""
    follows = days_follow(warehouse, org) or coverage_of(warehouse, org).days_kept
    lines = [] if follows else warehouse.rebuild_days(org)
    wrong = sorted({(each.table, each.partition) for each in differences if each.table in ROLLUPS})
    return [*lines, *(warehouse.repair(table, partition) for table, partition in wrong)]
