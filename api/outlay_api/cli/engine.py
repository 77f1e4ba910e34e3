"""The settings of a command that opens the ledger itself."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from outlay_api.cli.failure import USAGE, Failure

if TYPE_CHECKING:
    from outlay_infra.settings import Settings


def ledger_settings(config: Path | None, **arguments: Any) -> Settings:
    """Return the settings, as `Settings.load` does; raise `Failure` when they need an engine that is not installed."""
    from outlay_infra.settings import Settings  # noqa: PLC0415 - pydantic loads when it is needed

    settings = Settings.load(config, **arguments)
    if settings.store is None and importlib.util.find_spec("chdb") is None:
        message = "the embedded engine is not installed; pip install 'outlay[embedded]', or ask a server: --server URL"
        raise Failure(message, USAGE)
    return settings
