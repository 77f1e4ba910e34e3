"""`outlay catalog history`: who changed what, when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from outlay_api.cli import changes
from outlay_api.cli.connection import connect
from outlay_api.cli.output import note, show
from outlay_api.cli.target import Show, Target

_TARGET = Target()
_SHOW = Show()


async def history(
    *,
    limit: Annotated[int, Parameter(validator=Number(gte=1, lte=500))] = 20,
    target: Target = _TARGET,
    output: Show = _SHOW,
) -> int:
    """List who changed the catalog, when, and what; newest first.

    For example:

        outlay catalog history --limit 5

    Parameters
    ----------
    limit
        Most revisions shown.
    """
    async with connect(target) as connection:
        document = await connection.get("/v1/catalog/history", limit=limit)
    made = document["data"]
    if not made:
        note("no catalog yet; make one: outlay apply -f catalog.yaml")
    show(output.format, document=document, rows=lambda: _rows(made), table=lambda: _shown(made))
    return 0


def _rows(made: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        row
        for revision in made
        for row in changes.rows(
            revision["changes"], version=revision["version"], at=revision["at"], actor=revision["actor"]
        )
    ]


def _shown(made: Sequence[dict[str, Any]]) -> RenderableType:
    parts: list[RenderableType] = []
    for revision in made:
        told = f"version {revision['version']}  {revision['at']}  {revision['actor']}  "
        parts += [
            Text.assemble((told, "bold"), changes.summary(revision["changes"])),
            Padding(changes.shown(revision["changes"]), (0, 0, 0, 2)),
        ]
    return Group(*parts)
