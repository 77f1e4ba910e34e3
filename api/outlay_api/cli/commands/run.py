"""`outlay run`: one role of a cluster."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from outlay_api.cli.output import note

_WHAT = {
    "api": "The API answers at {url} (documentation: {url}/docs).",
    "meter": "A meter runs; health and metrics are at {url}.",
    "loader": "A loader runs; health and metrics are at {url}.",
    "budgets": "A budgets worker runs; health and metrics are at {url}.",
}


def run(
    role: Literal["api", "meter", "loader", "budgets"],
    /,
    *,
    host: str | None = None,
    port: int | None = None,
    config: Annotated[Path | None, Parameter(env_var="OUTLAY_CONFIG")] = None,
) -> int:
    """Run one role of a cluster: api, meter, loader or budgets. Ctrl-C or SIGTERM stops it in good order.

    Roles share the work: run as many of each as there is to do, at most one for each partition. For example:

        outlay run api
        outlay run meter
        outlay run loader --port 9102
        outlay run budgets

    Parameters
    ----------
    role
        `api` answers requests, `meter` counts and prices events, `loader` stores them, `budgets` keeps
        budgets and the windows of teams.
    host
        Address to listen on: of the API, or of health and metrics.
    port
        Port to listen on; 0 takes a free one.
    config
        Settings file (TOML).
    """
    from outlay_api import cluster  # noqa: PLC0415 - Kafka loads when it is needed
    from outlay_infra.logging import configure  # noqa: PLC0415
    from outlay_infra.settings import Settings  # noqa: PLC0415

    given: dict[str, Any] = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    place = "http" if role == "api" else "monitor"
    settings = Settings.load(config, **({place: given} if given else {}))
    configure(settings.log, sys.stderr)
    cluster.run(role, settings, announce=lambda url: note(f"{_WHAT[role].format(url=url)} Ctrl-C stops it."))
    return 0
