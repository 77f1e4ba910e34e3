"""Results on standard output, messages on standard error."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console, RenderableType

from outlay_api.cli.fitting import needed
from outlay_api.cli.target import OutputFormat

_PIPE_WIDTH = 200
"""Columns of a table that no terminal shows, so that nothing is cut off."""


def out() -> Console:
    """Return the console for results; colours and width as the terminal has them, plain into a pipe."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else max(_PIPE_WIDTH, _columns()))


def put(content: RenderableType) -> None:
    """Write to standard output; a line that is too long for the terminal goes on below rather than lose its end."""
    console = out()
    console.width = max(console.width, needed(console, content))
    console.print(content)


def err() -> Console:
    """Return the console for messages."""
    return Console(stderr=True, highlight=False)


def note(message: str) -> None:
    """Say something beside the result."""
    err().print(message, style="dim", soft_wrap=True, markup=False)


def show(
    form: OutputFormat,
    *,
    document: Any,
    rows: Callable[[], Sequence[Mapping[str, Any]]],
    table: Callable[[], RenderableType],
) -> None:
    """Write a result: the API's `document` as JSON, its `rows` as CSV, or a `table`."""
    match form:
        case "json":
            sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        case "csv":
            write_csv(rows())
        case _:
            put(table())


def write_csv(rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV; columns are those of the rows in order of first appearance, null is empty, nested is JSON."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_cell(row.get(name)) for name in names] for row in rows)


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool() | dict() | list():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)


def _columns() -> int:
    return shutil.get_terminal_size((0, 0)).columns
