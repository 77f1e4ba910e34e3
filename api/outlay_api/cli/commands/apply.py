"""`outlay apply`: the catalog made what a file says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from outlay_api.cli import changes
from outlay_api.cli.connection import connect, problem_text
from outlay_api.cli.failure import DIFFERENT, DONE, FAILED, USAGE, Failure
from outlay_api.cli.output import note, show
from outlay_api.cli.target import Show, Target

_TARGET = Target()
_SHOW = Show()


async def apply(
    *,
    file: Annotated[Path, Parameter(alias="-f")],
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    target: Target = _TARGET,
    output: Show = _SHOW,
) -> int:
    """Make the catalog what a file says, and show what changed. The same file again changes nothing.

    Events from now on are metered by it; older entries stay as they are.

    For example:

        outlay apply -f catalog.yaml --dry-run
        outlay apply -f catalog.yaml

    Parameters
    ----------
    file
        The whole catalog as YAML or JSON; `-` reads standard input. What it does not name is removed.
    dry_run
        Only show what would change; exit code 3 when something would.
    """
    body = _read(file)
    async with connect(target) as connection:
        response = await connection.http.put(
            "/v1/catalog",
            params={"dry_run": dry_run},
            content=body,
            headers={"content-type": "application/yaml"},
        )
    if not response.is_success:
        errors = response.json().get("errors", []) if response.status_code == 422 else []
        lines = [problem_text(response), *(f"  {fault.get('pointer', '')}: {fault['detail']}" for fault in errors)]
        raise Failure("\n".join(lines), USAGE if response.status_code in {400, 422} else FAILED)
    document = response.json()
    made = document["changes"]
    show(output.format, document=document, rows=lambda: changes.rows(made), table=lambda: changes.shown(made))
    verb = "would be" if dry_run else "now"
    note(f"{changes.summary(made)}; the catalog {verb if made else 'stays'} at version {_version(document)}")
    return DIFFERENT if dry_run and made else DONE


def _version(document: dict[str, object]) -> int:
    version = int(str(document["version"]))
    return version + 1 if document["dry_run"] and document["changes"] else version


def _read(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}", USAGE) from None
