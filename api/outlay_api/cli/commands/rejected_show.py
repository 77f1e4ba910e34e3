"""`outlay rejected show`: refused events one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Group, RenderableType
from rich.text import Text

from outlay_api.cli.output import note, show
from outlay_api.cli.rejected import Which, opened, selection
from outlay_api.cli.target import Show, Target

if TYPE_CHECKING:
    from outlay_api.rejected.refused import Refused

_TARGET = Target()
_SHOW = Show()
_WHICH = Which()
_LONGEST = 2_000
"""Characters of an event in the table; JSON and CSV have all."""


async def show_rejected(
    *,
    limit: Annotated[int, Parameter(validator=Number(gte=1))] = 20,
    which: Which = _WHICH,
    target: Target = _TARGET,
    output: Show = _SHOW,
) -> int:
    """Show refused events with their reason, where they came from, and the events themselves.

    Bytes that are no text are shown in base64.

    For example:

        outlay rejected show --reason "time is required"
        outlay rejected show --at 3/1200 --format json

    Parameters
    ----------
    limit
        Most events shown.
    """
    chosen = selection(which)
    found: list[Refused] = []
    async with opened(target, which) as rejects:
        async for batch in rejects.read(chosen):
            found += batch[: limit + 1 - len(found)]
            if len(found) > limit:
                break
    shown = found[:limit]
    rows = [event.row for event in shown]
    show(output.format, document={"data": rows}, rows=lambda: rows, table=lambda: _shown(shown))
    if len(found) > limit:
        note(f"and more; show them: --limit {limit * 10}")
    elif not found:
        note("nothing was refused")
    return 0


def _shown(events: Sequence[Refused]) -> RenderableType:
    parts: list[RenderableType] = []
    for event in events:
        row = event.row
        names = ("place", "org", "source", "id", "received", "origin")
        where = "  ".join(f"{name} {row[name]}" for name in names if row[name])
        pointer = f"{event.pointer}: " if event.pointer else ""
        parts += [
            Text.assemble((f"{event.outcome}  ", "bold red"), f"{pointer}{event.reason}"),
            Text(f"  {where}", style="dim"),
            Text(f"  {(row['event'] or row['bytes'] or 'no bytes')[:_LONGEST]}"),
        ]
    return Group(*parts)
