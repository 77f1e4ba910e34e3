"""`outlay rejected drain`: refused events sent again after a fix."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.text import Text

from outlay_api.cli.failure import DIFFERENT, DONE
from outlay_api.cli.output import show
from outlay_api.cli.rejected import Which, opened, selection
from outlay_api.cli.target import Show, Target

if TYPE_CHECKING:
    from outlay_api.rejected.draining import Drained

_TARGET = Target()
_SHOW = Show()
_WHICH = Which()


async def drain_rejected(
    *,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    which: Which = _WHICH,
    target: Target = _TARGET,
    output: Show = _SHOW,
) -> int:
    """Send refused events again that are valid by now; exit code 3 when some stay refused.

    Run it after a fix: a newer version, a schema registered at last, a field that is now understood. Each event goes
    in with its own bytes and identity. What the ledger has is passed over, so the same again changes nothing, and one
    cut short is simply run again. What is still refused stays where it is, and its reason is told;
    conflicts are looked at only with `--outcome conflict`.

    For example:

        outlay rejected drain --dry-run
        outlay rejected drain --reason "no schema with id 7"

    Parameters
    ----------
    dry_run
        Only say what would become of them.
    """
    from outlay_api.rejected.draining import drain  # noqa: PLC0415 - loads when it is needed
    from outlay_infra.clock import SystemClock  # noqa: PLC0415

    chosen = selection(which)
    chosen = replace(chosen, outcome=chosen.outcome or "rejected")  # a conflict stays one, whatever is fixed
    async with opened(target, which) as rejects:
        done = await drain(rejects, chosen, now=SystemClock().now(), dry_run=dry_run)
    document = {"dry_run": dry_run, **done.document}
    show(
        output.format,
        document=document,
        rows=lambda: [{name: value for name, value in document.items() if name != "reasons"}],
        table=lambda: _told(done, dry_run=dry_run),
    )
    return DIFFERENT if done.refused else DONE


def _told(done: Drained, *, dry_run: bool) -> RenderableType:
    verb = "would be sent again" if dry_run else "sent again"
    lines = [Text(f"{done.selected:,} refused events: {done.sent:,} {verb}", style="bold")]
    counts = ((done.in_ledger, "in the ledger already"), (done.repeated, "of the same identity"))
    lines += [Text(f"  {count:,} {what}") for count, what in counts if count]
    if done.refused:
        lines.append(Text(f"  {done.refused:,} still refused", style="red"))
    lines += [Text(f"    {count:,}  {reason}", style="dim") for reason, count in done.reasons.most_common(20)]
    return Group(*lines)
