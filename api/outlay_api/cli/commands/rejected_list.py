"""`outlay rejected list`: refused events by reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from outlay_api.cli.output import note, show
from outlay_api.cli.rejected import Which, opened, selection
from outlay_api.cli.tables import Column, Tabulated
from outlay_api.cli.target import Show, Target

if TYPE_CHECKING:
    from outlay_api.rejected.refused import Group

_TARGET = Target()
_SHOW = Show()
_WHICH = Which()


async def list_rejected(*, which: Which = _WHICH, target: Target = _TARGET, output: Show = _SHOW) -> int:
    """List refused events by reason, the most frequent first. Values in quotes are told together as '...'.

    On a cluster (OUTLAY_STORE and OUTLAY_KAFKA__BOOTSTRAP set) they are read from the topic `usage.rejected`, of all
    organisations; else from the ledger.

    For example:

        outlay rejected list
        outlay rejected list --source billing-import --from 2026-11-24
    """
    from outlay_api.rejected.refused import Grouping  # noqa: PLC0415 - loads when it is needed

    chosen = selection(which)
    grouping = Grouping()
    async with opened(target, which) as rejects:
        async for batch in rejects.read(chosen):
            grouping.add(batch)
    groups = grouping.groups()
    rows = [group.row for group in groups]
    show(output.format, document={"data": rows}, rows=lambda: rows, table=lambda: _table(groups))
    if not groups:
        note("nothing was refused")
    return 0


def _table(groups: Sequence[Group]) -> Tabulated:
    total = sum(group.events for group in groups)
    rows = [
        (f"{group.events:,}", group.outcome, group.reason, group.org, group.source, group.row["last"], group.example)
        for group in groups
    ]
    return Tabulated(
        columns=[
            Column(heading="events", number=True),
            Column(heading="outcome", whole=True),
            *(Column(heading=name) for name in ("reason", "org", "source", "last", "for example")),
        ],
        rows=rows,
        total=(f"{total:,}", *("",) * 6) if len(rows) > 1 else (),
    )
