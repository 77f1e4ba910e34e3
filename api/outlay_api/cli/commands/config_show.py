"""`outlay config show`: the settings in force."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table

from outlay_api.cli.output import show as show_result
from outlay_api.cli.target import Show

_DEFAULT_SHOW = Show()


def show(
    *,
    data: Path | None = None,
    config: Annotated[Path | None, Parameter(env_var="OUTLAY_CONFIG")] = None,
    output: Show = _DEFAULT_SHOW,
) -> int:
    """Print the settings in force, secrets masked, with what each means.

    For example:

        outlay config show
        OUTLAY_HTTP__PORT=9000 outlay config show --format json

    Parameters
    ----------
    data
        Folder of the embedded ledger, as it would be given to another command.
    config
        Settings file (TOML).
    """
    from outlay_infra.secret_files import PREFIX  # noqa: PLC0415
    from outlay_infra.settings import Settings, documented  # noqa: PLC0415 - pydantic loads when it is needed

    document = Settings.load(config, data=data).shown()
    meanings = documented()
    rows = [
        {
            "setting": name,
            "value": value,
            "variable": PREFIX + name.upper().replace(".", "__"),
            "meaning": meanings.get(name, ""),
        }
        for name, value in _flat(document)
    ]
    show_result(output.format, document=document, rows=lambda: rows, table=lambda: _table(rows))
    return 0


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("setting", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("meaning", style="dim", overflow="fold")
    for row in rows:
        value = "" if row["value"] is None else str(row["value"])
        table.add_row(row["setting"], value, row["meaning"])
    return table
