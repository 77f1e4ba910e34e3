"""The report of `outlay demo --once`: what was spent, and the proof that every event is accounted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from outlay_api.cli.checking import check_view
from outlay_api.cli.connection import Connection
from outlay_api.cli.conservation_table import conservation_table, verdict
from outlay_api.cli.failure import DIFFERENT, DONE
from outlay_api.cli.output import note, put
from outlay_api.cli.spend_table import SpendTable

_REPORTS: tuple[tuple[Sequence[str], Mapping[str, int]], ...] = (
    (("business_unit", "team"), {}),
    (("provider", "model"), {"top": 12}),
    (("category",), {}),
)


async def print_report(connection: Connection, since: date) -> int:
    """Print the report; return the exit code."""
    for by, more in _REPORTS:
        question = {"from": since.isoformat(), "group_by": ",".join(by), **more}
        table = SpendTable(await connection.get("/v1/spend", **question), by)
        put(table.render())
        put("")
    for warning in table.warnings():
        note(warning)
    account = await connection.get("/v1/conservation", period="last_30_days", verify=True)
    put(conservation_table(account))
    put("")
    checked = await connection.get("/v1/check")
    put(check_view(checked))
    note(verdict(account))
    return DONE if account["balanced"] and checked["ok"] else DIFFERENT
