"""`outlay serve`: the API over a data folder or a ClickHouse server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from outlay_api.cli.engine import ledger_settings
from outlay_api.cli.output import note


def serve(
    *,
    data: Path | None = None,
    host: str | None = None,
    port: int | None = None,
    config: Annotated[Path | None, Parameter(env_var="OUTLAY_CONFIG")] = None,
) -> int:
    """Serve the API over a data folder. Ctrl-C stops it once every open request is answered.

    For example:

        outlay serve
        outlay serve --data ./ledger --port 9000

    Parameters
    ----------
    data
        Folder of the embedded ledger; by default OUTLAY_DATA or your user's data folder.
    host
        Address to listen on. Anything but loopback needs an API key first: outlay keys create.
    port
        Port to listen on; 0 takes a free one.
    config
        Settings file (TOML).
    """
    from outlay_api import compose  # noqa: PLC0415 - the engine loads when it is needed
    from outlay_infra.logging import configure  # noqa: PLC0415

    http: dict[str, Any] = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = ledger_settings(config, data=data, http=http or None)
    configure(settings.log, sys.stderr)

    def announce(url: str) -> None:
        note(f"Outlay serves {settings.data} at {url} (documentation: {url}/docs). Ctrl-C stops it.")

    compose.serve(settings, announce=announce)
    return 0
