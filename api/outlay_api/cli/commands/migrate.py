"""`outlay migrate`: the store's schema, brought up to this version."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from outlay_api.cli.engine import ledger_settings
from outlay_api.cli.output import out


def migrate(
    *, data: Path | None = None, config: Annotated[Path | None, Parameter(env_var="OUTLAY_CONFIG")] = None
) -> int:
    """Bring the store's schema up to this version. `outlay serve` does so too when it starts.

    For example:

        outlay migrate --data ./ledger

    Parameters
    ----------
    data
        Folder of the embedded ledger; by default OUTLAY_DATA or your user's data folder.
    config
        Settings file (TOML), which may name a ClickHouse server.
    """
    from outlay_infra.clock import SystemClock  # noqa: PLC0415 - the engine loads when it is needed
    from outlay_infra.settings import masked  # noqa: PLC0415
    from outlay_infra.warehouse import Warehouse  # noqa: PLC0415
    from outlay_streams.runtime.lock import WriterLock  # noqa: PLC0415

    settings = ledger_settings(config, data=data)
    with (
        WriterLock(settings.data, now=SystemClock().now()),
        Warehouse.open(settings.dsn, database=settings.database) as warehouse,
    ):
        applied = warehouse.migrate()
    for name in applied:
        out().print(f"applied {name}", markup=False)
    out().print(
        f"{masked(settings.dsn)} is up to date ({len(applied)} migration(s) applied)", markup=False, soft_wrap=True
    )
    return 0
