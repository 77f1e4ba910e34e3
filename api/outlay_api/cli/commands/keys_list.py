"""`outlay keys list`: the organisation's API keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from outlay_api.cli.connection import connect
from outlay_api.cli.output import note, show
from outlay_api.cli.target import Show, Target

_TARGET = Target()
_SHOW = Show()


async def list_keys(*, target: Target = _TARGET, output: Show = _SHOW) -> int:
    """List the API keys, oldest first, without their secrets.

    For example:

        outlay keys list
    """
    async with connect(target) as connection:
        document = await connection.get("/v1/keys")
    keys = document["data"]
    if not keys:
        note("no keys: only this machine is served; make the first one: outlay keys create NAME --scope admin")
    show(output.format, document=document, rows=lambda: keys, table=lambda: _table(keys))
    return 0


def _table(keys: Sequence[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("id", "name", "scopes", "secret", "created", "expires", "last used"):
        table.add_column(title)
    for key in keys:
        times = (key["created"], key["expires"] or "never", key["last_used"] or "")
        table.add_row(key["id"], key["name"], ", ".join(key["scopes"]), f"{key['prefix']}...", *times)
    return table
