"""What a command works on, and how it shows results: options every command shares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter

_WHERE = Group("Where", sort_key=90)
_HOW = Group("Output", sort_key=91)

OutputFormat = Literal["table", "json", "csv"]


@Parameter(name="*", group=_WHERE)
@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A data folder, or a server."""

    data: Path | None = None
    """Folder of the embedded ledger; by default `OUTLAY_DATA` or your user's data folder."""
    server: Annotated[str | None, Parameter(env_var="OUTLAY_SERVER")] = None
    """URL of a running server, such as http://127.0.0.1:8321, instead of a folder."""
    key: Annotated[str | None, Parameter(env_var="OUTLAY_KEY")] = None
    """API key for the server."""
    config: Annotated[Path | None, Parameter(env_var="OUTLAY_CONFIG")] = None
    """Settings file (TOML)."""


@Parameter(name="*", group=_HOW)
@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """How results are written to standard output."""

    format: OutputFormat = "table"
    """`table` to read, `json` and `csv` for programs."""
