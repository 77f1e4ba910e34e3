"""`outlay catalog show`: the catalog in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from cyclopts import Parameter

from outlay_api.cli.connection import connect
from outlay_api.cli.output import note
from outlay_api.cli.output import show as show_result
from outlay_api.cli.target import Show, Target

_TARGET = Target()
_SHOW = Show()


async def show(
    *, version: Annotated[int | None, Parameter(negative=())] = None, target: Target = _TARGET, output: Show = _SHOW
) -> int:
    """Print the catalog as YAML that `outlay apply` takes.

    For example:

        outlay catalog show > catalog.yaml
        outlay catalog show --version 3

    Parameters
    ----------
    version
        An older version; the newest when not given.
    """
    import yaml  # noqa: PLC0415 - loads when it is needed

    async with connect(target) as connection:
        document = await connection.get("/v1/catalog", version=version)
    catalog = document["catalog"]
    note(f"catalog version {document['version']}")
    if output.format == "table":
        print(yaml.safe_dump(_filled(catalog), sort_keys=False, allow_unicode=True), end="")
    else:
        show_result(output.format, document=document, rows=lambda: _rows(catalog), table=lambda: "")
    return 0


def _filled(catalog: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is empty, as people write it."""
    return {name: _compact(part) for name, part in catalog.items() if part}


def _compact(value: Any) -> Any:
    match value:
        case dict():
            return {name: _compact(part) for name, part in value.items() if part not in (None, [], {})}
        case list():
            return [_compact(part) for part in value]
        case _:
            return value


def _rows(catalog: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    return [
        {"kind": kind, "id": document.get("id", ""), "document": document}
        for kind, part in catalog.items()
        for document in (part if isinstance(part, list) else [part])
    ]
