"""`outlay check`: the proof that the ledger is whole."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Group
from rich.text import Text

from outlay_api.cli.checking import check_view
from outlay_api.cli.connection import connect
from outlay_api.cli.conservation_table import conservation_table, verdict
from outlay_api.cli.failure import DIFFERENT, DONE
from outlay_api.cli.output import note, show
from outlay_api.cli.target import Show, Target

_TARGET = Target()
_SHOW = Show()


async def check(
    *,
    start: Annotated[str | None, Parameter(name="--from")] = None,
    end: Annotated[str | None, Parameter(name="--to")] = None,
    repair: Annotated[bool, Parameter(negative=())] = False,
    target: Target = _TARGET,
    output: Show = _SHOW,
) -> int:
    """Prove that nothing was lost and every sum is right; exit code 3 when something differs.

    Every sum is compared with the entries it sums, and every event received with what became of it. Entries never
    change: a repair rebuilds sums from them.

    For example:

        outlay check
        outlay check --from 2026-11-01 --to 2026-12-01
        outlay check --repair

    Parameters
    ----------
    start
        First day; the first there is, when not given.
    end
        Day after the last.
    repair
        Rebuild the sums that are wrong, and check again.
    """
    days = {name: day for name, day in (("from", start), ("to", end)) if day is not None}
    async with connect(target) as connection:
        if repair:
            found = await connection.ask("POST", "/v1/check/repair", json=days)
        else:
            found = await connection.get("/v1/check", **days)
        account = await connection.get("/v1/conservation", verify=True, limit=_ALL, **(days or _EVER))
    repaired = found.get("repaired", [])
    document = {"ok": found["ok"] and account["balanced"], "check": found, "conservation": account}
    show(
        output.format,
        document=document,
        rows=lambda: [_flat(each) for each in found["differences"]],
        table=lambda: Group(conservation_table(account), Text(), check_view(found, repaired)),
    )
    note(verdict(account))
    return DONE if document["ok"] else DIFFERENT


_EVER = {"from": "2000-01-01", "to": "2100-01-01"}
_ALL = 1_000_000


def _flat(difference: dict[str, Any]) -> dict[str, Any]:
    return {**{name: value for name, value in difference.items() if name != "key"}, **difference["key"]}
