"""`outlay config check`: whether the services in the settings answer and are as they should be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.text import Text

from outlay_api.cli.engine import ledger_settings
from outlay_api.cli.failure import DONE, FAILED
from outlay_api.cli.output import show as show_result
from outlay_api.cli.target import Show

if TYPE_CHECKING:
    from outlay_api.clusterwide.reach import Reached

_SHOW = Show()


def check(
    *,
    data: Path | None = None,
    config: Annotated[Path | None, Parameter(env_var="OUTLAY_CONFIG")] = None,
    output: Show = _SHOW,
) -> int:
    """Reach every service that the settings name; say what is wrong and what to do, and change nothing.

    The store always; on a cluster (OUTLAY_STORE and OUTLAY_KAFKA__BOOTSTRAP set) the brokers, the topics, the rights
    and the schema registry as well. Exit code 1 when anything has to be done.

    For example:

        outlay config check
        OUTLAY_KAFKA__BOOTSTRAP=broker:9092 OUTLAY_STORE=clickhouse://store:8123 outlay config check

    Parameters
    ----------
    data
        Folder of the embedded ledger, as it would be given to another command.
    config
        Settings file (TOML).
    """
    from outlay_api.clusterwide.reach import reach  # noqa: PLC0415 - the engine loads when it is needed

    found = list(reach(ledger_settings(config, data=data)))
    rows = [
        {"service": each.service, "where": each.where, "ok": each.well, "found": each.found, "fix": each.fix}
        for each in found
    ]
    well = all(each.well for each in found)
    show_result(output.format, document={"ok": well, "found": rows}, rows=lambda: rows, table=lambda: _shown(found))
    return DONE if well else FAILED


def _shown(found: Sequence[Reached]) -> RenderableType:
    lines = []
    for each in found:
        mark, style = ("ok", "green") if each.well else ("!!", "red")
        lines.append(Text(f"{mark} {each.service} {each.where}: {each.found}", style=style))
        if each.fix:
            lines.append(Text(f"     {each.fix}", style="dim"))
    return Group(*lines)
